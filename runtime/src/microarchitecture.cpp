#include "microarchitecture.h"

#include <cstddef>
#include <cstdlib>
#include <string>

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
template <typename Named, std::size_t Count>
[[noreturn]] void fail_unknown(const char* variable, const Named (&all)[Count], const std::string& given) {
    std::string names = name_of(all[0]);
    for (std::size_t i = 1; i < Count; ++i)
        names += (i + 1 < Count ? ", " : " or ") + std::string(name_of(all[i]));
    fail(std::string(variable) + ": expected " + names + ", given \"" + given + "\"");
}

[[noreturn]] void fail_lacking(const std::string& subject, const std::string& features) {
    fail(subject + ": expected a CPU and operating system with " + features + "; this one lacks them");
}

const InstructionSet* instruction_set_of(const char* name) {
    for (const InstructionSet& set : kInstructionSets)
        if (same_name(set.name, name)) return &set;
    return nullptr;
}

void check_isa(const Cpu& cpu, const char* isa) {
    const InstructionSet* set = instruction_set_of(isa);
    if (set == nullptr) fail_unknown(kIsaVariable, kInstructionSets, isa);
    if (!cpu.has(isa)) fail_lacking(std::string(kIsaVariable) + "=" + isa, set->features);
}

const Tables& named_tables(const Cpu& cpu, const char* uarch, const char* isa) {
    const Tables* tables = schedules::tables_of(uarch);
    if (tables == nullptr) fail_unknown(kUarchVariable, schedules::kAllTables, uarch);
    const std::string given = std::string(kUarchVariable) + "=" + uarch;
    if (isa != nullptr && !same_name(isa, tables->isa))
        fail(given + ": expected a microarchitecture of " + kIsaVariable + "=" + isa + ", given one of " +
             tables->isa);
    if (!cpu.has(tables->isa)) fail_lacking(given, instruction_set_of(tables->isa)->features);
    return *tables;
}

struct Selection {
    const Tables* tables;  // null: `error` says why
    std::string error;
};

const Selection& selection() {
    static const Selection selected = []() -> Selection {
        try {
            return {&choose_tables(this_cpu(), std::getenv(kUarchVariable), std::getenv(kIsaVariable)), {}};
        } catch (const Error& error) {
            return {nullptr, error.what()};
        }
    }();
    return selected;
}

}  // namespace

const Tables& choose_tables(const Cpu& cpu, const char* uarch, const char* isa) {
    if (isa != nullptr) check_isa(cpu, isa);
    if (uarch != nullptr) return named_tables(cpu, uarch, isa);
    for (const Tables* tables : schedules::fallbacks_of(cpu.core))
        if (cpu.has(tables->isa) && (isa == nullptr || same_name(isa, tables->isa))) return *tables;
    fail("sparsetrain: expected kernels for a CPU without AVX2 and AVX-512, which this build lacks");
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
