// Lists of things that users choose from by name.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sparsetrain/error.h"

namespace sparsetrain::train {

template <typename T>
std::vector<std::string> names_of(std::span<const T> all) {
    std::vector<std::string> names;
    for (const T& one : all) names.emplace_back(one.name);
    return names;
}

// Throws Error(invalid_argument), which says what there is, if none of `all` has the name.
template <typename T>
const T& find_named(std::span<const T> all, const std::string& name) {
    std::string names;
    for (const T& one : all) {
        if (name == one.name) return one;
        names += (names.empty() ? "" : ", ") + std::string(one.name);
    }
    throw Error(ErrorCode::invalid_argument, "expected one of " + names + ", given " + name);
}

}  // namespace sparsetrain::train
