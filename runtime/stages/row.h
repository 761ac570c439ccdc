// The schedule row that a stage is compiled for: CMake gives its tile sizes (SPARSETRAIN_TILES), the class's
// sizes (SPARSETRAIN_FILTER_H, SPARSETRAIN_FILTER_W, SPARSETRAIN_STRIDE) and what else of a core shapes code
// (SPARSETRAIN_BROADCAST_FROM_MEMORY). Tables would have more, and whoever included them would be compiled
// again when any of it changes.
#pragma once

#include "runtime/stages/vec.h"
#include "schedules/tiles.h"

namespace {

template <typename Row>
constexpr Row row_in_use() {
    return sparsetrain::schedules::with_tiles(Row{}, {SPARSETRAIN_TILES});
}

}  // namespace
