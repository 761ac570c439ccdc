// Rows of classes that have none in the tables, as those that users add: from the size of the filter and the
// budgets of the microarchitecture alone. They fit registers and L1, which makes them near the measured rows
// of 3x3 and 5x5, but nobody has timed them.
#pragma once

#include "schedules/budgets.h"

namespace sparsetrain::schedules {

// The first number from `name` on; `name` moves behind it.
constexpr int take_number(const char*& name) {
    while (*name != '\0' && (*name < '0' || *name > '9')) ++name;
    int number = 0;
    for (; *name >= '0' && *name <= '9'; ++name) number = 10 * number + (*name - '0');
    return number;
}

// Names are all of the form conv5x5_stride2; CMake sees to it.
constexpr ClassSize size_of(const char* layer_class) {
    const int filter_h = take_number(layer_class), filter_w = take_number(layer_class);
    return {filter_h, filter_w, take_number(layer_class)};
}

// The size of equal pieces of at most `size`.
constexpr int even_size(int length, int size) {
    return pieces(length, pieces(length, size));
}
// The largest power of two up to `most`, which is at least 1.
constexpr int power_of_two(int most) {
    int power = 1;
    while (2 * power <= most) power *= 2;
    return power;
}
// How many vectors the registers hold beside `singles` registers.
constexpr int vectors_beside(int singles, const Tables& tables) {
    return (tables.registers().count - singles) / tables.registers().per_vector;
}
// The largest group of channels whose weights, so many vectors of each, fit `bytes`.
constexpr int largest_group(int vectors, int bytes) {
    const int group = bytes / (vectors * kVectorBytes);
    return group >= 64 ? 64 : group >= 32 ? 32 : 16;
}

// Accumulators for two vectors of output channels leave registers for their weights and a pixel. The
// transposed one at a stride has a copy of src to address besides, a single vector where registers are few,
// or, of 1x1, chunks to sum in.
constexpr DenseRow derive(const DenseRow*, const Tables& tables, const ClassSize& size, const char* pass) {
    const bool is_transposed = size.stride > 1 && same_name(pass, "bwd_data");
    const int chunk = is_transposed && size.filter_h == 1 && size.filter_w == 1 ? 8 : 0;
    if (tables.registers().per_vector == 1) return {"", "", 7, 2, 784, chunk};
    if (tables.registers().per_vector == 4) return {"", "", 2, 1, 784, chunk};
    return is_transposed ? DenseRow{"", "", 6, 1, 784, chunk} : DenseRow{"", "", 3, 2, 784, 0};
}

// As many columns of a filter row, in equal parts, and then as many input channels as the registers hold.
constexpr DenseWeightsRow derive(const DenseWeightsRow*, const Tables& tables, const ClassSize& size,
                                 const char*) {
    const int vectors = vectors_beside(1, tables), k_vectors = tables.registers().per_vector == 1 ? 2 : 1;
    const int columns = even_size(size.filter_w, vectors / k_vectors - 1);
    const int c_lanes = power_of_two(smaller(16, (vectors / k_vectors - 1) / columns));
    return {"", "", c_lanes, columns, k_vectors, 784};
}

constexpr DensePlanarRow derive(const DensePlanarRow*, const Tables& tables, const ClassSize& size,
                                const char* pass) {
    const DenseRow tile = derive(static_cast<const DenseRow*>(nullptr), tables, size, pass);
    return {"", "", tile.x_tile, tile.k_vectors, tables.registers().per_vector == 1 ? 1568 : 784};
}

// As many columns of a filter row, in equal parts, and then as many rows as the registers hold.
constexpr DensePlanarWeightsRow derive(const DensePlanarWeightsRow*, const Tables& tables,
                                       const ClassSize& size, const char*) {
    const int vectors = vectors_beside(1, tables), k_vectors = tables.registers().per_vector == 1 ? 2 : 1;
    const int taps = vectors / k_vectors - 1, columns = even_size(size.filter_w, taps);
    return {"", "", smaller(size.filter_h, taps / columns), columns, k_vectors, 3136};
}

// Up to four vectors per nonzero, as far as registers and, of groups of 32, the bytes of a slab allow.
constexpr ZeroSkipRow derive(const ZeroSkipRow*, const Tables& tables, const ClassSize& size,
                             const char* pass, const char*) {
    const int outputs = outputs_in_reach(size, pass);
    const int bytes = tables.slab_bytes, in_slab = bytes / (32 * outputs * kVectorBytes);
    const int fitting = smaller(smaller(4, vectors_beside(1, tables) / outputs), in_slab);
    const int k_vectors = power_of_two(fitting);
    return {"", "", "", kAnyChannels, largest_group(outputs * k_vectors, bytes), k_vectors, 14, 400};
}

// As many filter rows as the registers hold beside a sum's two chains, and as many vectors of them as fit
// seven eighths of L1 in groups of 32.
constexpr OutputMaskRow derive(const OutputMaskRow*, const Tables& tables, const ClassSize& size,
                               const char*) {
    const int rows = pieces(size.filter_h, size.stride), columns = pieces(size.filter_w, size.stride);
    const int most = tables.registers().count / tables.registers().per_vector - 2,
              bytes = tables.l1_bytes / 8 * 7;
    const int tap_rows = smaller(rows, most / columns), taps = tap_rows * columns;
    const int fitting = smaller(most, bytes / (32 * kVectorBytes)) / taps;
    const int vectors = fitting == 0 ? taps : fitting * taps;
    return {"", "", largest_group(vectors, bytes), tap_rows, vectors, 28, 784};
}

// As many filter rows, and then vectors, as the registers hold beside a nonzero.
constexpr ZeroSkipWeightsRow derive(const ZeroSkipWeightsRow*, const Tables& tables, const ClassSize& size,
                                    const char*) {
    const int vectors = vectors_beside(1, tables);
    const int tap_rows = smaller(size.filter_h, vectors / size.filter_w);
    const int k_vectors = power_of_two(smaller(4, vectors / (tap_rows * size.filter_w)));
    return {"", "", tap_rows, k_vectors, size.stride == 1 ? 8 : 4};
}

// The row of a class for a pass and, in kZeroSkip, a blocking: that of the table, or the one derived. (A
// pointer to a row cannot be compared with null here: with its sanitizers, GCC 12 takes no such test for
// constant.)
template <typename Row, typename... Key>
constexpr Row row_of(const Tables& tables, Table<Row> Tables::*table, const char* layer_class,
                     const Key*... key) {
    for (const Row& row : tables.*table)
        if (is_row_of(row, layer_class, key...)) return row;
    return derive(static_cast<const Row*>(nullptr), tables, size_of(layer_class), key...);
}

}  // namespace sparsetrain::schedules
