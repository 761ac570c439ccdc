// 16 x 16 floats, transposed in registers.
#pragma once

#include "runtime/stages/stage.h"

namespace {

// Halves of 8 floats on every instruction set: a 16 x 16 square is four of 8 x 8, transposed each, of which
// two change places.
constexpr int kHalf = 8;

// Interleaves the runs of `Run` floats of a and b: those with even (Half 0) or odd numbers of each, so that
// exchanging rows and columns of a square becomes one such step per bit of their numbers. (A builtin, as the
// intrinsics for it are false alarms for GCC 12's -Wmaybe-uninitialized.)
template <int Run, int Half>
SPARSETRAIN_ALWAYS_INLINE __m256 merge_runs(__m256 a, __m256 b) {
    constexpr auto from = [](int i) {
        const bool second = (i & Run) != 0;
        const int lane = (i & ~Run) | (Half != 0 ? Run : 0);
        return second ? lane + kHalf : lane;
    };
    return __builtin_shufflevector(a, b, from(0), from(1), from(2), from(3), from(4), from(5), from(6),
                                   from(7));
}

// Exchanges bit log2(Run) of the number of a row with that of a column.
template <int Run>
SPARSETRAIN_ALWAYS_INLINE void exchange_bit(__m256 (&rows)[kHalf]) {
    unroll<kHalf>([&](auto i) {
        if constexpr ((i & Run) == 0) {
            const __m256 low = rows[i], high = rows[i | Run];
            rows[i] = merge_runs<Run, 0>(low, high);
            rows[i | Run] = merge_runs<Run, 1>(low, high);
        }
    });
}

struct Square8 {
    __m256 rows[kHalf];

    SPARSETRAIN_ALWAYS_INLINE void load_transposed(const float* from, ptrdiff_t stride) {
        unroll<kHalf>([&](auto i) { rows[i] = _mm256_load_ps(from + i * stride); });
        exchange_bit<1>(rows);
        exchange_bit<2>(rows);
        exchange_bit<4>(rows);
    }
    SPARSETRAIN_ALWAYS_INLINE void store(float* to, ptrdiff_t stride) const {
        unroll<kHalf>([&](auto i) { _mm256_store_ps(to + i * stride, rows[i]); });
    }
};

// In place; `stride` floats from row to row, each aligned to 64 bytes.
inline void transpose_square(float* square, ptrdiff_t stride) {
    float* const low_rows = square;
    float* const high_rows = square + kHalf * stride;
    Square8 part, other;
    float* const diagonals[] = {low_rows, high_rows + kHalf};
    for (float* diagonal : diagonals) {
        part.load_transposed(diagonal, stride);
        part.store(diagonal, stride);
    }
    part.load_transposed(low_rows + kHalf, stride);
    other.load_transposed(high_rows, stride);
    part.store(high_rows, stride);
    other.store(low_rows + kHalf, stride);
}

}  // namespace
