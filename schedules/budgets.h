// What a row takes of registers and L1, and whether a core has it: the one source of the stages' assertions,
// of tests/schedules and of `sparsetrain tune`.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules {

struct ClassSize {
    int filter_h, filter_w, stride;
};

// In how many pieces of at most `size`.
constexpr int pieces(int length, int size) {
    return (length + size - 1) / size;
}
constexpr int smaller(int a, int b) {
    return a < b ? a : b;
}
constexpr int larger(int a, int b) {
    return a > b ? a : b;
}

// Blocks that keep to L2. A tile of zero_skip, beside which its lists are there, too (tiles of 1.6 MB cost 14
// % on a core with 2 MB of L2); of bwd_weights, what a run prepares and the sums that its tiles are added to
// (sums of twice as many bytes cost 3x3 up to 23 % there).
constexpr int tile_bytes(int l2_bytes) {
    return l2_bytes / 16 * 7;
}
constexpr int prepared_bytes(int l2_bytes) {
    return l2_bytes / 4;
}
constexpr int sums_bytes(int l2_bytes) {
    return l2_bytes / 256 * 75;
}

// The registers of a row's innermost loop, the bytes that it comes back to in L1, and how many it may.
struct Budget {
    int registers, l1_bytes, l1_limit;
};
constexpr bool fits(const Budget& budget, const Tables& tables) {
    return budget.registers <= tables.registers().count && budget.l1_bytes <= budget.l1_limit;
}

// Accumulators, the fewer of a tile's broadcast pixels and its vectors of weights, and one of the others in
// turn. Its block is in L2.
template <typename Row>
constexpr Budget budget_of_tile(const Row& row, const Tables& tables) {
    const int vectors = row.k_vectors * tables.registers().per_vector;
    return {row.x_tile * vectors + smaller(row.x_tile, vectors) + 1, 0, 0};
}
constexpr Budget budget_of(const DenseRow& row, const Tables& tables, const ClassSize&, const char*) {
    return budget_of_tile(row, tables);
}
constexpr Budget budget_of(const DensePlanarRow& row, const Tables& tables, const ClassSize&, const char*) {
    return budget_of_tile(row, tables);
}

// Of the source, what the pixels of a dense tile meet through `taps` columns of a filter row: pixel i those
// from i * stride on. Whether a register for each of these fits beside the accumulators and the weights of a
// tap: then neighbouring pixels share them.
struct SourceColumns {
    int taps, stride;

    template <typename Row>
    constexpr int pixels(const Row& row) const {
        return (row.x_tile - 1) * stride + taps;
    }
    template <typename Row>
    constexpr bool are_shared(const Row& row, const Registers& registers) const {
        const int vectors = (row.x_tile + 1) * row.k_vectors * registers.per_vector;
        return taps > 1 && vectors + pixels(row) <= registers.count;
    }
};
// In bwd_data at a stride, a phase of diff_src meets neighbouring pixels of diff_dst, through its share of
// the taps.
constexpr SourceColumns source_columns(const ClassSize& size, const char* pass) {
    if (same_name(pass, "fwd")) return {size.filter_w, size.stride};
    return {pieces(size.filter_w, size.stride), 1};
}

// Accumulators of a filter row, or of some, diff_dst of a pixel, and a broadcast src.
constexpr Budget budget_of(const DenseWeightsRow& row, const Tables& tables, const ClassSize&, const char*) {
    const int vectors = (row.c_lanes * row.tap_columns + 1) * row.k_vectors;
    return {vectors * tables.registers().per_vector + 1, 0, 0};
}
constexpr Budget budget_of(const DensePlanarWeightsRow& row, const Tables& tables, const ClassSize&,
                           const char*) {
    const int vectors = (row.tap_rows * row.tap_columns + 1) * row.k_vectors;
    return {vectors * tables.registers().per_vector + 1, 0, 0};
}

// How many outputs of a row a nonzero reaches, each through a filter column of its own. At a stride those of
// fwd are that much further apart, those of bwd_data are neighbours.
constexpr int outputs_in_reach(const ClassSize& size, const char* pass) {
    return same_name(pass, "fwd") ? pieces(size.filter_w, size.stride) : size.filter_w;
}

// The outputs in reach and a nonzero, broadcast; the weights of a group, a filter row and the columns of a
// sweep.
constexpr Budget budget_of(const ZeroSkipRow& row, const Tables& tables, const ClassSize& size,
                           const char* pass) {
    const int vectors = outputs_in_reach(size, pass) * row.k_vectors;
    return {vectors * tables.registers().per_vector + 1, row.group * vectors * kVectorBytes,
            tables.slab_bytes};
}

// A neighbourhood of diff_dst and the chains of a sum: two, unless a vector is two registers. The weights of
// a group leave an eighth of L1 to everything else.
constexpr Budget budget_of(const OutputMaskRow& row, const Tables& tables, const ClassSize&, const char*) {
    const int chains = tables.registers().per_vector == 1 ? 2 : 1;
    return {(row.vectors + chains) * tables.registers().per_vector, row.group * row.vectors * kVectorBytes,
            tables.l1_bytes / 8 * 7};
}

// Pixels of the compact copy of a tile's vectors: one per slot, or what the windows of 16 slots to a row
// cover. `step`: vectors from a scanned pixel's window to the next one's.
constexpr int copied_pixels(int rows, int taps_h, int taps_w, int step) {
    if (taps_h == 1 && taps_w == 1) return rows * 16;
    const int step_h = taps_h == 1 ? 1 : step, step_w = taps_w == 1 ? 1 : step;
    return ((rows - 1) * step_h + taps_h) * 16 * step_w + taps_w - 1;
}

// The most of a core's L1 that the stages' copies can take, up to k_vectors vectors of a tile: it stands for
// l1_bytes, and is the same on cores whose L1 differs and makes no difference.
constexpr int bytes_of_copies(const ZeroSkipWeightsRow& row, const Tables& tables, const ClassSize& size) {
    int most = 0;
    const auto consider = [&](int taps_h, int taps_w, int step) {
        const int bytes = copied_pixels(row.rows, taps_h, taps_w, step) * kVectorBytes;
        const int vectors = smaller(row.k_vectors, tables.l1_bytes / bytes);
        most = larger(most, vectors * bytes);
    };
    // By src, the parts of a filter whose pixels have a parity have taps of their own.
    for (const int h : {pieces(size.filter_h, size.stride), size.filter_h / size.stride})
        for (const int w : {pieces(size.filter_w, size.stride), size.filter_w / size.stride})
            if (h > 0 && w > 0) consider(h, w, 1);
    consider(size.filter_h, size.filter_w, size.stride);
    return most;
}

// Accumulators and a nonzero, broadcast. One vector of a tile's pixels is in L1, whichever operand is
// scanned; the stages take as many more as fit.
constexpr Budget budget_of(const ZeroSkipWeightsRow& row, const Tables& tables, const ClassSize& size,
                           const char*) {
    const int by_src =
        copied_pixels(row.rows, pieces(size.filter_h, size.stride), pieces(size.filter_w, size.stride), 1);
    const int by_diff_dst = copied_pixels(row.rows, size.filter_h, size.filter_w, size.stride);
    return {row.tap_rows * size.filter_w * row.k_vectors * tables.registers().per_vector + 1,
            larger(by_src, by_diff_dst) * kVectorBytes, tables.l1_bytes};
}

}  // namespace sparsetrain::schedules
