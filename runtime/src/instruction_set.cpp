#include "instruction_set.h"

#include <cstdlib>
#include <string>

#include "sparsetrain/error.h"
#include "sparsetrain/library.h"

namespace sparsetrain {

namespace {

struct InstructionSet {
    const char* name;
    const char* features;
    bool (*available)();
};

// The compiler's run-time checks include whether the operating system saves the registers.
bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw");
}
// Every CPU with these has the rest of x86-64-v3, too.
bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

constexpr InstructionSet kInstructionSets[] = {
    {"avx512", "AVX-512 F, CD, VL, DQ and BW", has_avx512},
    {"avx2", "AVX2, FMA, BMI and BMI2", has_avx2},
};

constexpr const char* kVariable = "SPARSETRAIN_ISA";

struct Selection {
    const char* name = nullptr;  // null: `error` says why
    std::string error;
};

Selection select_best() {
    for (const InstructionSet& set : kInstructionSets)
        if (set.available()) return {set.name, {}};
    return {nullptr, std::string("sparsetrain: expected a CPU and operating system with ") +
                         kInstructionSets[0].features + ", or at least " + kInstructionSets[1].features +
                         "; this one lacks them"};
}

Selection select_named(const std::string& wanted) {
    for (const InstructionSet& set : kInstructionSets) {
        if (wanted != set.name) continue;
        if (set.available()) return {set.name, {}};
        return {nullptr, std::string(kVariable) + "=" + wanted +
                             ": expected a CPU and operating system with " + set.features +
                             "; this one lacks them"};
    }
    return {nullptr, std::string(kVariable) + ": expected avx512 or avx2, given \"" + wanted + "\""};
}

const Selection& selection() {
    static const Selection selected = [] {
        const char* wanted = std::getenv(kVariable);
        return wanted == nullptr ? select_best() : select_named(wanted);
    }();
    return selected;
}

}  // namespace

namespace detail {

const char* required_instruction_set() {
    if (selection().name == nullptr) throw Error(ErrorCode::unsupported, selection().error);
    return selection().name;
}

}  // namespace detail

const char* instruction_set() {
    return selection().name == nullptr ? "none" : selection().name;
}

void require_supported_cpu() {
    detail::required_instruction_set();
}

}  // namespace sparsetrain
