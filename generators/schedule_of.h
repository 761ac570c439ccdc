// A generator's way to its schedule row.
#pragma once

#include <Halide.h>

#include <string>

#include "schedules/rows.h"

namespace sparsetrain::generators {

// `key` is what find_row looks up: class, pass and, where a pass has several rows, the blocking.
template <typename Row, int Count, typename... Key>
const Row& schedule_of(const Row (&table)[Count], const Key&... key) {
    const Row* row = schedules::find_row(table, std::string(key).c_str()...);
    _halide_user_assert(row != nullptr) << "no schedule row for " << ((std::string(key) + " ") + ...);
    return *row;
}

}  // namespace sparsetrain::generators
