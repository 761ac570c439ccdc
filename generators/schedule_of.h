// A generator's way to its schedule row.
#pragma once

#include <Halide.h>

#include <string>

#include "schedules/tables.h"

namespace sparsetrain::generators {

// The row of `table`, a member of Tables, for a microarchitecture. `key` is what Table::find looks up: class,
// pass and, where a pass has several rows, the blocking.
template <typename Row, typename... Key>
const Row& schedule_of(schedules::Table<Row> schedules::Tables::*table, const std::string& uarch,
                       const Key&... key) {
    const schedules::Tables* tables = schedules::tables_of(uarch.c_str());
    _halide_user_assert(tables != nullptr) << "no schedule tables for " << uarch;
    const Row* row = (tables->*table).find(std::string(key).c_str()...);
    _halide_user_assert(row != nullptr)
        << "no schedule row for " << ((std::string(key) + " ") + ...) << uarch;
    return *row;
}

}  // namespace sparsetrain::generators
