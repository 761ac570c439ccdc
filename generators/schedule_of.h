// A generator's way to its schedule row.
#pragma once

#include <Halide.h>

#include <string>

#include "schedules/derived.h"
#include "schedules/tables.h"

namespace sparsetrain::generators {

// The row of `table`, a member of Tables, for a microarchitecture and class. `key`: the pass and, where a
// pass has several rows, the blocking.
template <typename Row, typename... Key>
Row schedule_of(schedules::Table<Row> schedules::Tables::*table, const std::string& uarch,
                const std::string& layer_class, const Key&... key) {
    const schedules::Tables* tables = schedules::tables_of(uarch.c_str());
    _halide_user_assert(tables != nullptr) << "no schedule tables for " << uarch;
    return schedules::row_of(*tables, table, layer_class.c_str(), std::string(key).c_str()...);
}

}  // namespace sparsetrain::generators
