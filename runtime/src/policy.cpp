#include <cstring>
#include <iterator>
#include <string>

#include "checks.h"
#include "conv_class.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain {

namespace {

// The list of kernels; policies are `auto` and one for each.
constexpr Kernel kKernels[] = {Kernel::dense, Kernel::zero_skip, Kernel::output_mask};
constexpr const char* kKernelNames[] = {"dense", "zero_skip", "output_mask"};
constexpr Policy kPolicies[] = {Policy::automatic, Policy::dense, Policy::zero_skip, Policy::output_mask};
static_assert(std::size(kPolicies) == std::size(kKernels) + 1 &&
              std::size(kKernelNames) == std::size(kKernels));

std::string all_words() {
    std::string words;
    for (const Policy policy : kPolicies) {
        const bool last = policy == kPolicies[std::size(kPolicies) - 1];
        words += (words.empty() ? "" : last ? " or " : ", ") + std::string(to_string(policy));
    }
    return words;
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
    if (word == nullptr) detail::throw_invalid("policy_from_string", "word", all_words(), "a null pointer");
    for (const Policy policy : kPolicies)
        if (std::strcmp(word, to_string(policy)) == 0) return policy;
    detail::throw_invalid("policy_from_string", "word", all_words(), word);
}

Policy detail::checked(Policy policy) {
    for (const Policy known : kPolicies)
        if (policy == known) return policy;
    detail::throw_invalid("Conv2d", "policy", all_words(),
                          "policy value " + std::to_string(static_cast<int>(policy)));
}

}  // namespace sparsetrain
