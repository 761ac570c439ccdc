// A generator's way to its schedule row.
#pragma once

#include <Halide.h>

#include <string>

#include "schedules/rows.h"

namespace sparsetrain::generators {

template <typename Row, int Count>
const Row& schedule_of(const Row (&table)[Count], const std::string& layer_class, const std::string& pass) {
    const Row* row = schedules::find_row(table, layer_class.c_str(), pass.c_str());
    _halide_user_assert(row != nullptr) << "no schedule row for " << layer_class << " " << pass;
    return *row;
}

}  // namespace sparsetrain::generators
