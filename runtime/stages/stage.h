// What zero-skip stages share: the view of Halide's buffers, and loops unrolled at compile time.
//
// Stages are compiled for AVX-512 or AVX2, so their files include no standard headers (HalideRuntime.h
// includes a few) and keep everything but what they export in an anonymous namespace: an inline function
// emitted here could otherwise be the copy that the linker keeps for code that runs before the CPU is
// checked. The test `symbols` looks for such functions.
#pragma once

#include <HalideRuntime.h>

#include "runtime/stages/row.h"
#include "runtime/stages/vec.h"

namespace {

template <int Value>
struct Index {
    constexpr operator int() const { return Value; }
};

// Calls body(Index<0>) ... body(Index<Count - 1>). Arrays of accumulators stay in registers only when every
// subscript is a constant before optimisation starts; GCC does not unroll such loops early enough by itself.
template <int Count, int First = 0, typename Body>
SPARSETRAIN_ALWAYS_INLINE void unroll(const Body& body) {
    if constexpr (First < Count) {
        body(Index<First>{});
        unroll<Count, First + 1>(body);
    }
}

SPARSETRAIN_ALWAYS_INLINE int min_of(int a, int b) {
    return a < b ? a : b;
}
SPARSETRAIN_ALWAYS_INLINE int max_of(int a, int b) {
    return a > b ? a : b;
}

// A mask of up to 32 or 64 channels, and the lowest set bit of one that is not 0.
template <bool Wide>
struct MaskWord {
    using Type = uint32_t;
};
template <>
struct MaskWord<true> {
    using Type = uint64_t;
};
SPARSETRAIN_ALWAYS_INLINE ptrdiff_t lowest_bit(uint32_t mask) {
    return __builtin_ctz(mask);
}
SPARSETRAIN_ALWAYS_INLINE ptrdiff_t lowest_bit(uint64_t mask) {
    return __builtin_ctzll(mask);
}

// By way of a general register: a broadcast from memory takes a slot of the loads of a whole vector, of which
// Zen 4 has one per cycle and a zero-skip loop needs one per FMA.
SPARSETRAIN_ALWAYS_INLINE Broadcast broadcast_by_register(const float* value) {
    uint32_t bits;
    __builtin_memcpy(&bits, value, sizeof bits);
    asm("" : "+r"(bits));  // or the compiler broadcasts from memory after all
    return broadcast_bits(bits);
}
// Where two FMAs begin per cycle, the way through a general register takes a slot of theirs: on Zen 5, 12
// FMAs with operands in memory and a broadcast run at 8.4 GFMA/s from memory, 6.3 by register; the peak
// is 9.1.
SPARSETRAIN_ALWAYS_INLINE Broadcast broadcast_from_memory(const float* value) {
    Broadcast lanes;
    asm("vbroadcastss %1, %0" : "=v"(lanes) : "m"(*value));  // not once per FMA, in its operand
    return lanes;
}

// A value in all lanes.
SPARSETRAIN_ALWAYS_INLINE Broadcast broadcast(const float* value) {
    return SPARSETRAIN_BROADCAST_FROM_MEMORY ? broadcast_from_memory(value) : broadcast_by_register(value);
}

// Asks for a line that is used soon, but not next.
SPARSETRAIN_ALWAYS_INLINE void prefetch(const float* line) {
    _mm_prefetch(line, _MM_HINT_T1);
}

// What comes next is asked for while the current one is in use, a share for each of its `pixels`: where the
// weights of all groups exceed L2, waiting for them took up to 15 % of the time, and asking for many at once
// up to 8 %.
struct Ahead {
    const float* next;
    int share, left;  // lines: for a pixel, and in all

    static Ahead of(const float* next, int floats, int pixels) {
        const int lines = floats / kLanes;
        return {next, (lines + pixels - 1) / max_of(pixels, 1), lines};
    }
    SPARSETRAIN_ALWAYS_INLINE void prefetch_share() {
        for (int i = 0; i < share; ++i) prefetch(next + i * kLanes);
        next += share * kLanes;
    }
    // For pixels that had a copy of this.
    void pass(int pixels) {
        next += ptrdiff_t{pixels} * share * kLanes;
        left -= pixels * share;
        if (left <= 0) share = 0;
    }
};

// Halide asks what a stage needs by passing buffers without memory; a call is a query if any buffer is one.
SPARSETRAIN_ALWAYS_INLINE bool is_query(const halide_buffer_t* buffer) {
    return buffer->host == nullptr && buffer->device == 0;
}

SPARSETRAIN_ALWAYS_INLINE void require(halide_buffer_t* buffer, int dimension, int min, int extent) {
    buffer->dim[dimension].min = min;
    buffer->dim[dimension].extent = extent;
}

// The element at the given coordinates, in the order of the buffer's dimensions.
template <typename T, typename... Coordinates>
SPARSETRAIN_ALWAYS_INLINE T* element(const halide_buffer_t* buffer, Coordinates... coordinates) {
    ptrdiff_t offset = 0;
    int d = 0;
    ((offset += static_cast<ptrdiff_t>(coordinates - buffer->dim[d].min) * buffer->dim[d].stride, ++d), ...);
    return reinterpret_cast<T*>(buffer->host) + offset;
}

}  // namespace
