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

// What may be tuned of each kind of row, in the order of the record.
template <typename Row>
struct Tiles;
template <>
struct Tiles<DenseRow> {
    static constexpr TileOf<DenseRow> all[] = {{"x_tile", &DenseRow::x_tile},
                                               {"k_vectors", &DenseRow::k_vectors},
                                               {"pixels", &DenseRow::pixels},
                                               {"chunk", &DenseRow::chunk}};
};
template <>
struct Tiles<DenseWeightsRow> {
    static constexpr TileOf<DenseWeightsRow> all[] = {{"c_lanes", &DenseWeightsRow::c_lanes},
                                                      {"tap_columns", &DenseWeightsRow::tap_columns},
                                                      {"k_vectors", &DenseWeightsRow::k_vectors},
                                                      {"pixels", &DenseWeightsRow::pixels}};
};
template <>
struct Tiles<ScatterRow> {
    static constexpr TileOf<ScatterRow> all[] = {{"group", &ScatterRow::group},
                                                 {"k_vectors", &ScatterRow::k_vectors},
                                                 {"rows", &ScatterRow::rows},
                                                 {"pixels", &ScatterRow::pixels}};
};
template <>
struct Tiles<OutputMaskRow> {
    static constexpr TileOf<OutputMaskRow> all[] = {{"group", &OutputMaskRow::group},
                                                    {"tap_rows", &OutputMaskRow::tap_rows},
                                                    {"vectors", &OutputMaskRow::vectors},
                                                    {"rows", &OutputMaskRow::rows},
                                                    {"pixels", &OutputMaskRow::pixels}};
};
template <>
struct Tiles<PixelScanRow> {
    static constexpr TileOf<PixelScanRow> all[] = {{"tap_rows", &PixelScanRow::tap_rows},
                                                   {"k_vectors", &PixelScanRow::k_vectors},
                                                   {"rows", &PixelScanRow::rows}};
};

template <typename Row>
inline constexpr int kTileCount = sizeof(Tiles<Row>::all) / sizeof(Tiles<Row>::all[0]);

// `row` with other tile sizes.
template <typename Row>
constexpr Row with_tiles(Row row, const int (&sizes)[kTileCount<Row>]) {
    for (int i = 0; i < kTileCount<Row>; ++i) row.*Tiles<Row>::all[i].size = sizes[i];
    return row;
}

}  // namespace sparsetrain::schedules
