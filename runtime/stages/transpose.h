// 16 x 16 floats, transposed in registers.
#pragma once

#include "runtime/stages/stage.h"

namespace {

// Interleaves the runs of `Run` floats of a and b: those with even (Half 0) or odd numbers of each, so that
// exchanging rows and columns of a square becomes one such step per bit of their numbers. (A builtin, as the
// intrinsics for it are false alarms for GCC 12's -Wmaybe-uninitialized.)
template <int Run, int Half>
SPARSETRAIN_ALWAYS_INLINE __m512 merge_runs(__m512 a, __m512 b) {
    constexpr auto from = [](int i) {
        const bool second = (i & Run) != 0;
        const int lane = (i & ~Run) | (Half != 0 ? Run : 0);
        return second ? lane + kLanes : lane;
    };
    return __builtin_shufflevector(a, b, from(0), from(1), from(2), from(3), from(4), from(5), from(6),
                                   from(7), from(8), from(9), from(10), from(11), from(12), from(13),
                                   from(14), from(15));
}

// Exchanges bit log2(Run) of the number of a row with that of a column.
template <int Run>
SPARSETRAIN_ALWAYS_INLINE void exchange_bit(__m512 (&rows)[kLanes]) {
    unroll<kLanes>([&](auto i) {
        if constexpr ((i & Run) == 0) {
            const __m512 low = rows[i], high = rows[i | Run];
            rows[i] = merge_runs<Run, 0>(low, high);
            rows[i | Run] = merge_runs<Run, 1>(low, high);
        }
    });
}

// In place; `stride` floats from row to row, each aligned to 64 bytes.
inline void transpose_square(float* square, ptrdiff_t stride) {
    __m512 rows[kLanes];
    unroll<kLanes>([&](auto i) { rows[i] = _mm512_load_ps(square + i * stride); });
    exchange_bit<1>(rows);
    exchange_bit<2>(rows);
    exchange_bit<4>(rows);
    exchange_bit<8>(rows);
    unroll<kLanes>([&](auto i) { _mm512_store_ps(square + i * stride, rows[i]); });
}

}  // namespace
