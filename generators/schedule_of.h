// A generator's way to its schedule row.
#pragma once

#include <Halide.h>

#include <sstream>
#include <string>

#include "schedules/derived.h"
#include "schedules/tables.h"
#include "schedules/tiles.h"

namespace sparsetrain::generators {

// `row` with the tile sizes in `list`, such as "32,4,14,400".
template <typename Row>
Row with_listed_tiles(const Row& row, const std::string& list) {
    int sizes[schedules::kTileCount<Row>] = {};
    std::istringstream words(list);
    int count = 0;
    for (std::string word; std::getline(words, word, ','); ++count)
        if (count < schedules::kTileCount<Row>) sizes[count] = std::stoi(word);
    _halide_user_assert(count == schedules::kTileCount<Row>)
        << "expected " << schedules::kTileCount<Row> << " tile sizes, given " << list;
    return schedules::with_tiles(row, sizes);
}

// The row of `table`, a member of Tables, for a microarchitecture and class, with the tile sizes in `tiles`
// unless that is empty. `key`: the pass and, where a pass has several rows, the blocking.
template <typename Row, typename... Key>
Row schedule_of(schedules::Table<Row> schedules::Tables::*table, const std::string& uarch,
                const std::string& layer_class, const std::string& tiles, const Key&... key) {
    const schedules::Tables* tables = schedules::tables_of(uarch.c_str());
    _halide_user_assert(tables != nullptr) << "no schedule tables for " << uarch;
    const Row row = schedules::row_of(*tables, table, layer_class.c_str(), std::string(key).c_str()...);
    return tiles.empty() ? row : with_listed_tiles(row, tiles);
}

}  // namespace sparsetrain::generators
