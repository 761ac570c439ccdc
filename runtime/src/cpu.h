// What the kernels need to know of a CPU.
#pragma once

#include <string_view>

#include "schedules/tables.h"

namespace sparsetrain::detail {

struct InstructionSet {
    const char* name;
    const char* features;
};
inline constexpr InstructionSet kInstructionSets[] = {
    {"avx512", "AVX-512 F, CD, VL, DQ and BW"},
    {"avx2", "AVX2, FMA, BMI and BMI2"},
    {"baseline", "SSE2"},
};

// Instruction sets count only where the operating system saves their registers, too.
struct Cpu {
    bool has_avx512, has_avx2;
    schedules::Core core;

    bool has(std::string_view instruction_set) const {
        if (instruction_set == "avx512") return has_avx512;
        return instruction_set == "avx2" ? has_avx2 : true;  // every x86-64 CPU has SSE2
    }
};

Cpu this_cpu();

}  // namespace sparsetrain::detail
