// A vector of the 16 lanes of NCHW16c in registers, with the same operations on every instruction set that
// stages are compiled for: one zmm with AVX-512, two ymm with AVX2.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define SPARSETRAIN_ALWAYS_INLINE inline __attribute__((always_inline))

namespace {

constexpr int kLanes = 16;

// Lanes of a sum that is kept in memory between parts of it: a zmm store costs twice the slots of a ymm one.
constexpr int kSumLanes = 8;

#ifdef __AVX512BW__

using Vec = __m512;
using Broadcast = __m512;  // one value in all lanes

constexpr int kRegisters = 32;
constexpr int kVecRegisters = 1;  // of which a Vec takes

SPARSETRAIN_ALWAYS_INLINE Vec zero() {
    return _mm512_setzero_ps();
}
SPARSETRAIN_ALWAYS_INLINE Vec load(const float* aligned) {
    return _mm512_load_ps(aligned);
}
SPARSETRAIN_ALWAYS_INLINE void store(float* aligned, Vec a) {
    _mm512_store_ps(aligned, a);
}
SPARSETRAIN_ALWAYS_INLINE Broadcast broadcast_bits(uint32_t bits) {
    return _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(bits)));
}
SPARSETRAIN_ALWAYS_INLINE Vec add(Vec a, Vec b) {
    return _mm512_add_ps(a, b);
}
SPARSETRAIN_ALWAYS_INLINE Vec multiply_add(Vec a, Vec b, Vec sum) {
    return _mm512_fmadd_ps(a, b, sum);
}

// Bit i: lane i is not zero (NaN is not, -0.0 is).
SPARSETRAIN_ALWAYS_INLINE uint32_t nonzero_lanes(Vec a) {
    return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NEQ_UQ);
}

// Stores the lanes that `kept` has, one after the other, and something in up to 16 floats in all; returns
// their end. (Compressing to a register and storing it whole beats the compress-store, which is microcoded on
// Zen 4.)
SPARSETRAIN_ALWAYS_INLINE float* compress_store(float* to, uint32_t kept, Vec a) {
    _mm512_storeu_ps(to, _mm512_maskz_compress_ps(static_cast<__mmask16>(kept), a));
    return to + __builtin_popcount(kept);
}

// The inverse: lanes that `kept` has from consecutive floats, the others zero. Reads up to 16 floats.
SPARSETRAIN_ALWAYS_INLINE Vec expand_load(const float* from, uint32_t kept) {
    return _mm512_maskz_expand_ps(static_cast<__mmask16>(kept), _mm512_loadu_ps(from));
}

// Eight lanes whose total is a's.
SPARSETRAIN_ALWAYS_INLINE __m256 fold(Vec a) {
    return _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
}
SPARSETRAIN_ALWAYS_INLINE Vec unfold(__m256 low) {
    return _mm512_zextps256_ps512(low);
}

// 64 pixels of one bit per lane: bit i of transposed[stride * lane] is the lane's of pixel i. The top bits of
// all 16-bit words are lane 15's, and a shift brings up the next.
SPARSETRAIN_ALWAYS_INLINE void transpose_bits(const uint16_t* aligned, uint64_t* transposed, int stride) {
    __m512i first = _mm512_load_si512(aligned), last = _mm512_load_si512(aligned + 32);
    for (int lane = kLanes - 1; lane >= 0; --lane) {
        transposed[lane * stride] = static_cast<uint64_t>(_mm512_movepi16_mask(last)) << 32 |
                                    static_cast<uint64_t>(_mm512_movepi16_mask(first));
        first = _mm512_slli_epi16(first, 1);
        last = _mm512_slli_epi16(last, 1);
    }
}

// Into how many Vecs a long sum is split, or the latency of multiply_add would bound it.
constexpr int kSumChains = 2;

// The totals of 16 sums of eight lanes, in order.
SPARSETRAIN_ALWAYS_INLINE Vec reduce16(const float* sums) {
    const auto pair = [&](int i) {  // of sums i and i + 2, and, in the upper half, i + 1 and i + 3
        const __m512 a = _mm512_load_ps(sums + i * 8), b = _mm512_load_ps(sums + (i + 2) * 8);
        return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    };
    const auto four = [&](int i) {
        const __m512d a = _mm512_castps_pd(pair(i)), b = _mm512_castps_pd(pair(i + 4));
        return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)),
                             _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    };
    const __m512 low = four(0), high = four(8);
    const __m512 totals =
        _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xdd));
    // Sums 0, 2, 4, 6, then 1, 3, 5, 7, then the same of the second eight.
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15),
                                 totals);
}

#else

// 2 KB each: for every byte of a mask, the lanes that it keeps, in order (kCompress), and for every lane the
// number of kept ones before it (kExpand).
struct LaneTable {
    alignas(64) uint8_t lanes[256][8];
};
constexpr LaneTable make_compress_table() {
    LaneTable table = {};
    for (int mask = 0; mask < 256; ++mask) {
        int count = 0;
        for (int lane = 0; lane < 8; ++lane)
            if ((mask >> lane & 1) != 0) table.lanes[mask][count++] = static_cast<uint8_t>(lane);
    }
    return table;
}
constexpr LaneTable make_expand_table() {
    LaneTable table = {};
    for (int mask = 0; mask < 256; ++mask) {
        int count = 0;
        for (int lane = 0; lane < 8; ++lane) {
            // The top bit of an index is beyond those that a permutation looks at: it marks lanes to clear.
            const bool kept = (mask >> lane & 1) != 0;
            table.lanes[mask][lane] = static_cast<uint8_t>(kept ? count++ : 0x80);
        }
    }
    return table;
}
constexpr LaneTable kCompress = make_compress_table(), kExpand = make_expand_table();

struct Vec {
    __m256 low, high;
};
using Broadcast = __m256;

constexpr int kRegisters = 16;
constexpr int kVecRegisters = 2;

SPARSETRAIN_ALWAYS_INLINE Vec zero() {
    return {_mm256_setzero_ps(), _mm256_setzero_ps()};
}
SPARSETRAIN_ALWAYS_INLINE Vec load(const float* aligned) {
    return {_mm256_load_ps(aligned), _mm256_load_ps(aligned + 8)};
}
SPARSETRAIN_ALWAYS_INLINE void store(float* aligned, Vec a) {
    _mm256_store_ps(aligned, a.low);
    _mm256_store_ps(aligned + 8, a.high);
}
SPARSETRAIN_ALWAYS_INLINE Broadcast broadcast_bits(uint32_t bits) {
    return _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(bits)));
}
SPARSETRAIN_ALWAYS_INLINE Vec add(Vec a, Vec b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
SPARSETRAIN_ALWAYS_INLINE Vec multiply_add(Vec a, Vec b, Vec sum) {
    return {_mm256_fmadd_ps(a.low, b.low, sum.low), _mm256_fmadd_ps(a.high, b.high, sum.high)};
}
SPARSETRAIN_ALWAYS_INLINE Vec multiply_add(Broadcast a, Vec b, Vec sum) {
    return {_mm256_fmadd_ps(a, b.low, sum.low), _mm256_fmadd_ps(a, b.high, sum.high)};
}

SPARSETRAIN_ALWAYS_INLINE uint32_t nonzero_lanes(Vec a) {
    const __m256 none = _mm256_setzero_ps();
    const auto low = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.low, none, _CMP_NEQ_UQ)));
    const auto high = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.high, none, _CMP_NEQ_UQ)));
    return low | high << 8;
}

SPARSETRAIN_ALWAYS_INLINE __m256i lanes_of(const LaneTable& table, uint32_t mask) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(table.lanes[mask])));
}

SPARSETRAIN_ALWAYS_INLINE float* compress_store(float* to, uint32_t kept, Vec a) {
    _mm256_storeu_ps(to, _mm256_permutevar8x32_ps(a.low, lanes_of(kCompress, kept & 0xff)));
    to += __builtin_popcount(kept & 0xff);
    _mm256_storeu_ps(to, _mm256_permutevar8x32_ps(a.high, lanes_of(kCompress, kept >> 8)));
    return to + __builtin_popcount(kept >> 8);
}

SPARSETRAIN_ALWAYS_INLINE __m256 expand_half(const float* from, uint32_t kept) {
    // Extended by its sign, an index's mark is the top bit of the word, by which a blend chooses.
    const auto* bytes = reinterpret_cast<const __m128i*>(kExpand.lanes[kept]);
    const __m256i lanes = _mm256_cvtepi8_epi32(_mm_loadl_epi64(bytes));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(_mm256_loadu_ps(from), lanes), _mm256_setzero_ps(),
                            _mm256_castsi256_ps(lanes));
}
SPARSETRAIN_ALWAYS_INLINE Vec expand_load(const float* from, uint32_t kept) {
    return {expand_half(from, kept & 0xff), expand_half(from + __builtin_popcount(kept & 0xff), kept >> 8)};
}

SPARSETRAIN_ALWAYS_INLINE __m256 fold(Vec a) {
    return _mm256_add_ps(a.low, a.high);
}
SPARSETRAIN_ALWAYS_INLINE Vec unfold(__m256 low) {
    return {low, _mm256_setzero_ps()};
}

// The sign bits of 32 words: packing to bytes keeps them, in an order of 64-bit parts that a shuffle mends.
SPARSETRAIN_ALWAYS_INLINE uint32_t sign_bits(__m256i first, __m256i last) {
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(first, last), 0xd8);
    return static_cast<uint32_t>(_mm256_movemask_epi8(bytes));
}
SPARSETRAIN_ALWAYS_INLINE void transpose_bits(const uint16_t* aligned, uint64_t* transposed, int stride) {
    const auto* from = reinterpret_cast<const __m256i*>(aligned);
    __m256i a = _mm256_load_si256(from), b = _mm256_load_si256(from + 1), c = _mm256_load_si256(from + 2),
            d = _mm256_load_si256(from + 3);
    for (int lane = kLanes - 1; lane >= 0; --lane) {
        transposed[lane * stride] = static_cast<uint64_t>(sign_bits(c, d)) << 32 | sign_bits(a, b);
        a = _mm256_slli_epi16(a, 1);
        b = _mm256_slli_epi16(b, 1);
        c = _mm256_slli_epi16(c, 1);
        d = _mm256_slli_epi16(d, 1);
    }
}

constexpr int kSumChains = 1;

SPARSETRAIN_ALWAYS_INLINE __m256 reduce8(const float* sums) {
    const auto pair = [&](int i) {  // half of each sum's lanes are added, of i and i + 1
        const __m256 a = _mm256_load_ps(sums + i * 8), b = _mm256_load_ps(sums + (i + 1) * 8);
        return _mm256_add_ps(_mm256_blend_ps(a, b, 0xcc), _mm256_shuffle_ps(a, b, 0x4e));
    };
    const auto four = [&](int i) {
        const __m256 a = pair(i), b = pair(i + 2);
        return _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd));
    };
    const __m256 low = four(0), high = four(4);
    return _mm256_add_ps(_mm256_blend_ps(low, high, 0xf0), _mm256_permute2f128_ps(low, high, 0x21));
}
SPARSETRAIN_ALWAYS_INLINE Vec reduce16(const float* sums) {
    return {reduce8(sums), reduce8(sums + 64)};
}

#endif

}  // namespace
