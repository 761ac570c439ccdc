// The schedule row that a stage is compiled for: CMake names its tables and class through SPARSETRAIN_UARCH,
// SPARSETRAIN_LAYER_CLASS, SPARSETRAIN_FILTER_H, SPARSETRAIN_FILTER_W and SPARSETRAIN_STRIDE, and may replace
// its tile sizes (SPARSETRAIN_TILES).
#pragma once

#include "runtime/stages/vec.h"
#include "schedules/derived.h"
#include "schedules/tables.h"
#include "schedules/tiles.h"

namespace {

using sparsetrain::schedules::Tables;

constexpr auto kTables = *sparsetrain::schedules::tables_of(SPARSETRAIN_UARCH);
static_assert(kTables.registers == kRegisters && kTables.registers_per_vector == kVecRegisters,
              "compiled for another instruction set");

template <typename Row, typename... Key>
constexpr Row row_in_use(sparsetrain::schedules::Table<Row> Tables::*table, const Key*... key) {
    const Row row = sparsetrain::schedules::row_of(kTables, table, SPARSETRAIN_LAYER_CLASS, key...);
#ifdef SPARSETRAIN_TILES
    return sparsetrain::schedules::with_tiles(row, {SPARSETRAIN_TILES});
#else
    return row;
#endif
}

template <typename Row>
constexpr auto budget_in_use(const Row& row, const char* pass) {
    return sparsetrain::schedules::budget_of(
        row, kTables, {SPARSETRAIN_FILTER_H, SPARSETRAIN_FILTER_W, SPARSETRAIN_STRIDE}, pass);
}

}  // namespace
