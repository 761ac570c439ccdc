#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>

#include "checks.h"
#include "conv_class.h"
#include "environment.h"
#include "lazily.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain {

namespace {

// The list of kernels; policies are `auto` and one for each.
constexpr Kernel kKernels[] = {Kernel::dense, Kernel::zero_skip, Kernel::output_mask};
constexpr const char* kKernelNames[] = {"dense", "zero_skip", "output_mask"};
constexpr Policy kPolicies[] = {Policy::automatic, Policy::dense, Policy::zero_skip, Policy::output_mask};
static_assert(std::size(kPolicies) == std::size(kKernels) + 1 &&
              std::size(kKernelNames) == std::size(kKernels));

constexpr Choice kChoices[] = {Choice::measured, Choice::tables};

template <typename Values>
std::string all_words(const Values& values) {
    std::string words;
    for (const auto value : values) {
        const bool last = value == values[std::size(values) - 1];
        words += words.empty() ? "" : last ? " or " : ", ";
        words += to_string(value);
    }
    return words;
}

// Null if no value has that word.
template <typename Values>
auto find_word(const Values& values, const char* word) {
    const auto found = std::find_if(std::begin(values), std::end(values), [word](const auto value) {
        return std::strcmp(word, to_string(value)) == 0;
    });
    return found == std::end(values) ? nullptr : &*found;
}

template <typename Values>
auto value_from(const char* function, const Values& values, const char* word) {
    if (word == nullptr) detail::throw_invalid(function, "word", all_words(values), "a null pointer");
    if (const auto* value = find_word(values, word)) return *value;
    detail::throw_invalid(function, "word", all_words(values), word);
}

template <typename Value, std::size_t Count>
Value checked_of(const char* argument, const Value (&values)[Count], Value value) {
    if (std::find(std::begin(values), std::end(values), value) != std::end(values)) return value;
    detail::throw_invalid("Conv2d", argument, all_words(values),
                          std::string(argument) + " value " + std::to_string(static_cast<int>(value)));
}

constexpr const char* kChoiceVariable = "SPARSETRAIN_CHOICE";
detail::Lazily<Choice> choice_of_environment;

Choice read_choice() {
    const char* word = detail::environment_variable(kChoiceVariable);
    if (word == nullptr) return Choice::measured;
    if (const Choice* choice = find_word(kChoices, word)) return *choice;
    throw Error(ErrorCode::unsupported, std::string(kChoiceVariable) + ": expected " + all_words(kChoices) +
                                            ", given \"" + word + "\"");
}

}  // namespace

std::span<const Kernel> kernels() {
    return kKernels;
}
std::span<const Policy> policies() {
    return kPolicies;
}

const char* to_string(Kernel kernel) {
    const auto place = static_cast<std::size_t>(kernel);
    return place < std::size(kKernelNames) ? kKernelNames[place] : "?";
}

const char* to_string(Policy policy) {
    for (const Kernel kernel : kKernels)
        if (policy == policy_of(kernel)) return to_string(kernel);
    return policy == Policy::automatic ? "auto" : "?";
}

Policy policy_of(Kernel kernel) {
    return kPolicies[static_cast<std::size_t>(kernel) + 1];
}

Policy policy_from_string(const char* word) {
    return value_from("policy_from_string", kPolicies, word);
}

std::span<const Choice> choices() {
    return kChoices;
}
const char* to_string(Choice choice) {
    return choice == Choice::measured ? "measured" : choice == Choice::tables ? "tables" : "?";
}
Choice choice_from_string(const char* word) {
    return value_from("choice_from_string", kChoices, word);
}

Policy detail::checked(Policy policy) {
    return checked_of("policy", kPolicies, policy);
}
Choice detail::choice_of_plan(Choice choice) {
    checked_of("choice", kChoices, choice);
    return choice_of_environment.get(read_choice) == Choice::tables ? Choice::tables : choice;
}

}  // namespace sparsetrain
