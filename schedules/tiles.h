// The tile sizes of schedule rows by their place: how a row is replaced by other numbers without a table that
// holds them (sparsetrain_add_candidate), and how `sparsetrain tune` walks through them.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules {

template <typename Row>
struct TileOf {
    const char* name;
    int Row::*size;
};

// What may be tuned of each kind of row, in the order of the record; the kernel, its blocking (null: each row
// has its own) and the passes that such rows are for; and how source code calls them: their type, the member
// of Tables and the constant of a table's file.
template <typename Row>
struct Tiles;
template <>
struct Tiles<DenseRow> {
    static constexpr const char *kernel = "dense", *type = "DenseRow";
    static constexpr const char* blocking = "";
    static constexpr const char *member = "dense", *constant = "kDense";
    static constexpr const char* passes[] = {"fwd", "bwd_data"};
    static constexpr TileOf<DenseRow> all[] = {{"x_tile", &DenseRow::x_tile},
                                               {"k_vectors", &DenseRow::k_vectors},
                                               {"pixels", &DenseRow::pixels},
                                               {"chunk", &DenseRow::chunk}};
};
template <>
struct Tiles<DenseWeightsRow> {
    static constexpr const char *kernel = "dense", *type = "DenseWeightsRow";
    static constexpr const char* blocking = "";
    static constexpr const char *member = "dense_weights", *constant = "kDenseWeights";
    static constexpr const char* passes[] = {"bwd_weights"};
    static constexpr TileOf<DenseWeightsRow> all[] = {{"c_lanes", &DenseWeightsRow::c_lanes},
                                                      {"tap_columns", &DenseWeightsRow::tap_columns},
                                                      {"k_vectors", &DenseWeightsRow::k_vectors},
                                                      {"pixels", &DenseWeightsRow::pixels}};
};
template <>
struct Tiles<DensePlanarRow> {
    static constexpr const char *kernel = "dense", *type = "DensePlanarRow";
    static constexpr const char* blocking = kPlanar;
    static constexpr const char *member = "dense_planar", *constant = "kDensePlanar";
    static constexpr const char* passes[] = {"fwd"};
    static constexpr TileOf<DensePlanarRow> all[] = {{"x_tile", &DensePlanarRow::x_tile},
                                                     {"k_vectors", &DensePlanarRow::k_vectors},
                                                     {"pixels", &DensePlanarRow::pixels}};
};
template <>
struct Tiles<DensePlanarWeightsRow> {
    static constexpr const char *kernel = "dense", *type = "DensePlanarWeightsRow";
    static constexpr const char* blocking = kPlanar;
    static constexpr const char *member = "dense_planar_weights", *constant = "kDensePlanarWeights";
    static constexpr const char* passes[] = {"bwd_weights"};
    static constexpr TileOf<DensePlanarWeightsRow> all[] = {
        {"tap_rows", &DensePlanarWeightsRow::tap_rows},
        {"tap_columns", &DensePlanarWeightsRow::tap_columns},
        {"k_vectors", &DensePlanarWeightsRow::k_vectors},
        {"pixels", &DensePlanarWeightsRow::pixels}};
};
template <>
struct Tiles<ZeroSkipRow> {
    static constexpr const char *kernel = "zero_skip", *type = "ZeroSkipRow";
    static constexpr const char* blocking = nullptr;
    static constexpr const char *member = "zero_skip", *constant = "kZeroSkip";
    static constexpr const char* passes[] = {"fwd", "bwd_data"};
    static constexpr TileOf<ZeroSkipRow> all[] = {{"group", &ZeroSkipRow::group},
                                                  {"k_vectors", &ZeroSkipRow::k_vectors},
                                                  {"rows", &ZeroSkipRow::rows},
                                                  {"pixels", &ZeroSkipRow::pixels}};
};
template <>
struct Tiles<OutputMaskRow> {
    static constexpr const char *kernel = "output_mask", *type = "OutputMaskRow";
    static constexpr const char* blocking = "";
    static constexpr const char *member = "output_mask", *constant = "kOutputMask";
    static constexpr const char* passes[] = {"bwd_data"};
    static constexpr TileOf<OutputMaskRow> all[] = {{"group", &OutputMaskRow::group},
                                                    {"tap_rows", &OutputMaskRow::tap_rows},
                                                    {"vectors", &OutputMaskRow::vectors},
                                                    {"rows", &OutputMaskRow::rows},
                                                    {"pixels", &OutputMaskRow::pixels}};
};
template <>
struct Tiles<ZeroSkipWeightsRow> {
    static constexpr const char *kernel = "zero_skip", *type = "ZeroSkipWeightsRow";
    static constexpr const char* blocking = "";
    static constexpr const char *member = "zero_skip_weights", *constant = "kZeroSkipWeights";
    static constexpr const char* passes[] = {"bwd_weights"};
    static constexpr TileOf<ZeroSkipWeightsRow> all[] = {{"tap_rows", &ZeroSkipWeightsRow::tap_rows},
                                                         {"k_vectors", &ZeroSkipWeightsRow::k_vectors},
                                                         {"rows", &ZeroSkipWeightsRow::rows}};
};

// Calls visit(&Tables::dense), and so on, for each kind of row.
template <typename Visit>
constexpr void for_each_table(Visit visit) {
    visit(&Tables::dense);
    visit(&Tables::dense_weights);
    visit(&Tables::dense_planar);
    visit(&Tables::dense_planar_weights);
    visit(&Tables::zero_skip);
    visit(&Tables::output_mask);
    visit(&Tables::zero_skip_weights);
}

template <typename Row>
constexpr bool is_for(const char* kernel, const char* pass) {
    bool is_one = false;
    for (const char* own : Tiles<Row>::passes) is_one = is_one || same_name(own, pass);
    return is_one && same_name(Tiles<Row>::kernel, kernel);
}

template <typename Row>
constexpr bool is_for(const char* kernel, const char* pass, const char* blocking) {
    const char* own = Tiles<Row>::blocking;
    return is_for<Row>(kernel, pass) && (own == nullptr || same_name(own, blocking));
}

template <typename Row>
inline constexpr int kTileCount = sizeof(Tiles<Row>::all) / sizeof(Tiles<Row>::all[0]);

// `row` with other tile sizes.
template <typename Row>
constexpr Row with_tiles(Row row, const int (&sizes)[kTileCount<Row>]) {
    for (int i = 0; i < kTileCount<Row>; ++i) row.*Tiles<Row>::all[i].size = sizes[i];
    return row;
}

}  // namespace sparsetrain::schedules
