#include "fma_loop.h"

#include <immintrin.h>

#include <string_view>

#include "sparsetrain/library.h"

namespace sparsetrain::bench {

namespace {

constexpr int kSteps = 20000;

// Independent sums: enough for two units whose results take 5 cycles, few enough for the 16 registers of
// AVX2.
constexpr int kSums = 12;

// This file is compiled for any CPU; only these functions, which a CPU without their vectors never calls, use
// them. Sums begin with different values, or the compiler would find that one stands for all.
__attribute__((target("avx512f"))) float run_avx512() {
    const __m512 half = _mm512_set1_ps(0.5F), one = _mm512_set1_ps(1);
    __m512 sums[kSums];
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
        for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, half, one);
    }
    __m512 total = sums[0];
    for (int i = 1; i < kSums; ++i) total = _mm512_add_ps(total, sums[i]);
    return _mm512_cvtss_f32(total);
}

__attribute__((target("avx2,fma"))) float run_avx2() {
    const __m256 half = _mm256_set1_ps(0.5F), one = _mm256_set1_ps(1);
    __m256 sums[kSums];
    for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
        for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, half, one);
    }
    __m256 total = sums[0];
    for (int i = 1; i < kSums; ++i) total = _mm256_add_ps(total, sums[i]);
    return _mm256_cvtss_f32(total);
}

constexpr double flops(int lanes) {
    return 2.0 * lanes * kSums * kSteps;
}

}  // namespace

FmaLoop widest_fma_loop() {
    require_supported_cpu();
    if (instruction_set() == std::string_view("avx512")) return {run_avx512, flops(16), "512-bit vectors"};
    return {run_avx2, flops(8), "256-bit vectors"};
}

}  // namespace sparsetrain::bench
