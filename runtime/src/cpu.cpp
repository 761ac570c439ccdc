#include "cpu.h"

#include <cpuid.h>

namespace sparsetrain::detail {

namespace {

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

unsigned family() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return 0;
    const unsigned base = eax >> 8 & 0xf, extended = eax >> 20 & 0xff;
    return base == 0xf ? base + extended : base;
}

// AMX: bit 24 of EDX in leaf 7.
bool has_amx() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx >> 24 & 1) != 0;
}

// Zen 4 by family, as GCC 12's __builtin_cpu_is does not know znver4. Family 0x19 is Zen 3 and Zen 4, of
// which only the latter has AVX-512. Sapphire Rapids and its successors by AMX, as virtual machines show them
// under the model numbers of other cores.
schedules::Core core() {
    if (__builtin_cpu_is("amd") && family() == 0x19 && has_avx512()) return schedules::Core::zen4;
    if (__builtin_cpu_is("intel") && has_amx()) return schedules::Core::sapphire_rapids;
    if (__builtin_cpu_is("skylake-avx512") || __builtin_cpu_is("cascadelake") ||
        __builtin_cpu_is("cooperlake")) {
        return schedules::Core::skylake_x;
    }
    return schedules::Core::other;
}

}  // namespace

Cpu this_cpu() {
    return {has_avx512(), has_avx2(), core()};
}

}  // namespace sparsetrain::detail
