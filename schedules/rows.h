// The records that say how a pass of a layer class is computed, one row per (class, pass, kernel).
//
// Generators read rows when they run, at build time; the zero-skip stages read the same rows as constants.
// Host code and code compiled for AVX-512 both include this header, so it uses no standard library.
#pragma once

namespace sparsetrain::schedules {

// fwd and bwd_data, `dense`: a register tile of `x_tile` pixels by `k_vectors` vectors of 16 output channels,
// in blocks of `rows` output rows.
struct DenseRow {
    const char* layer_class;
    const char* pass;
    int x_tile;
    int k_vectors;
    int rows;
};

constexpr bool same_name(const char* a, const char* b) {
    while (*a != '\0' && *a == *b) ++a, ++b;
    return *a == *b;
}

// The row of `table` for a class and pass, or null.
template <typename Row, int Count>
constexpr const Row* find_row(const Row (&table)[Count], const char* layer_class, const char* pass) {
    for (const Row& row : table) {
        if (same_name(row.layer_class, layer_class) && same_name(row.pass, pass)) return &row;
    }
    return nullptr;
}

}  // namespace sparsetrain::schedules
