// What options of the library's enumerations may be.
#pragma once

#include <string>
#include <vector>

namespace sparsetrain::cli {

template <typename Values>
std::vector<std::string> words_of(const Values& values) {
    std::vector<std::string> words;
    for (const auto value : values) words.emplace_back(to_string(value));
    return words;
}

}  // namespace sparsetrain::cli
