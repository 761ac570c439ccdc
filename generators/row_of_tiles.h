// A generator's way to its schedule row.
#pragma once

#include <Halide.h>

#include <sstream>
#include <string>

#include "schedules/tiles.h"

namespace sparsetrain::generators {

// A row with the tile sizes in `list`, such as "32,4,14,400", and nothing else.
template <typename Row>
Row row_of_tiles(const std::string& list) {
    int sizes[schedules::kTileCount<Row>] = {};
    std::istringstream words(list);
    int count = 0;
    for (std::string word; std::getline(words, word, ','); ++count)
        if (count < schedules::kTileCount<Row>) sizes[count] = std::stoi(word);
    _halide_user_assert(count == schedules::kTileCount<Row>)
        << "expected " << schedules::kTileCount<Row> << " tile sizes, given " << list;
    return schedules::with_tiles(Row{}, sizes);
}

}  // namespace sparsetrain::generators
