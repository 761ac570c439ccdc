// Small pieces of text.
#pragma once

#include <string>
#include <string_view>

namespace sparsetrain::tune {

// "a", then "a, b", then "a, b, c".
inline void add_to_list(std::string& list, std::string_view item, std::string_view separator = ", ") {
    if (!list.empty()) list += separator;
    list += item;
}

}  // namespace sparsetrain::tune
