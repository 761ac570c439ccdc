#include "microarchitecture.h"

#include <algorithm>
#include <string>
#include <vector>

#include "environment.h"
#include "lazily.h"
#include "schedules/tables.h"
#include "sparsetrain/error.h"
#include "sparsetrain/library.h"

namespace sparsetrain {

namespace detail {

namespace {

using schedules::same_name;
using schedules::Tables;

constexpr const char* kUarchVariable = "SPARSETRAIN_UARCH";
constexpr const char* kIsaVariable = "SPARSETRAIN_ISA";

constexpr const Tables* kCompiledTables[] = {SPARSETRAIN_COMPILED_TABLES};

[[noreturn]] void fail(const std::string& message) {
    throw Error(ErrorCode::unsupported, message);
}

const char* name_of(const Tables* tables) {
    return tables->name;
}
const char* name_of(const InstructionSet& set) {
    return set.name;
}

// Given a word that names none of `all`: "... expected zen4, avx512 or avx2, given ..."
template <typename Range>
[[noreturn]] void fail_unknown(const char* variable, const Range& all, const std::string& given) {
    std::string names = name_of(all[0]);
    for (std::size_t i = 1; i < all.size(); ++i)
        names += (i + 1 < all.size() ? ", " : " or ") + std::string(name_of(all[i]));
    fail(std::string(variable) + ": expected " + names + ", given \"" + given + "\"");
}

[[noreturn]] void fail_lacking(const std::string& subject, const std::string& features) {
    fail(subject + ": expected a CPU and operating system with " + features + "; this one lacks them");
}

const char* features_of(const char* isa) {
    return std::ranges::find_if(kInstructionSets,
                                [&](const InstructionSet& set) { return same_name(set.name, isa); })
        ->features;
}

// Best first.
std::vector<InstructionSet> instruction_sets_of(TablesList compiled) {
    std::vector<InstructionSet> sets;
    for (const InstructionSet& set : kInstructionSets)
        if (std::ranges::any_of(compiled, [&](const Tables* t) { return same_name(t->isa, set.name); }))
            sets.push_back(set);
    return sets;
}

void check_isa(TablesList compiled, const Cpu& cpu, const char* isa) {
    const std::vector<InstructionSet> sets = instruction_sets_of(compiled);
    if (std::ranges::none_of(sets, [&](const InstructionSet& set) { return same_name(set.name, isa); }))
        fail_unknown(kIsaVariable, sets, isa);
    if (!cpu.has(isa)) fail_lacking(std::string(kIsaVariable) + "=" + isa, features_of(isa));
}

const Tables& named_tables(TablesList compiled, const Cpu& cpu, const char* uarch, const char* isa) {
    const auto found =
        std::ranges::find_if(compiled, [&](const Tables* t) { return same_name(t->name, uarch); });
    if (found == compiled.end()) fail_unknown(kUarchVariable, compiled, uarch);
    const Tables& tables = **found;
    const std::string given = std::string(kUarchVariable) + "=" + uarch;
    if (isa != nullptr && !same_name(isa, tables.isa))
        fail(given + ": expected a microarchitecture of " + kIsaVariable + "=" + isa + ", given one of " +
             tables.isa);
    if (!cpu.has(tables.isa)) fail_lacking(given, features_of(tables.isa));
    return tables;
}

[[noreturn]] void fail_unsupported(TablesList compiled) {
    std::string features;
    for (const InstructionSet& set : instruction_sets_of(compiled))
        features += (features.empty() ? "" : ", or at least ") + std::string(set.features);
    fail_lacking("sparsetrain", features);
}

struct Selection {
    const Tables* tables;  // null: `error` says why
    std::string error;
};

Lazily<Selection> selected;

const Selection& selection() {
    return selected.get([]() -> Selection {
        try {
            return {&choose_tables(compiled_tables(), this_cpu(), environment_variable(kUarchVariable),
                                   environment_variable(kIsaVariable)),
                    {}};
        } catch (const Error& error) {
            return {nullptr, error.what()};
        }
    });
}

}  // namespace

TablesList compiled_tables() {
    return kCompiledTables;
}

const Tables& choose_tables(TablesList compiled, const Cpu& cpu, const char* uarch, const char* isa) {
    if (isa != nullptr) check_isa(compiled, cpu, isa);
    if (uarch != nullptr) return named_tables(compiled, cpu, uarch, isa);
    const auto serves = [&](const Tables* tables) {
        return cpu.has(tables->isa) && (isa == nullptr || same_name(isa, tables->isa));
    };
    for (const Tables* tables : schedules::fallbacks_of(cpu.core))
        if (serves(tables) && std::ranges::find(compiled, tables) != compiled.end()) return *tables;
    // Another core's are right, too, if not the best.
    for (const Tables* tables : compiled)
        if (serves(tables)) return *tables;
    fail_unsupported(compiled);
}

const Tables& required_tables() {
    if (selection().tables == nullptr) fail(selection().error);
    return *selection().tables;
}

}  // namespace detail

const char* instruction_set() {
    const schedules::Tables* tables = detail::selection().tables;
    return tables == nullptr ? "none" : tables->isa;
}
const char* microarchitecture() {
    const schedules::Tables* tables = detail::selection().tables;
    return tables == nullptr ? "none" : tables->name;
}

void require_supported_cpu() {
    detail::required_tables();
}

}  // namespace sparsetrain
