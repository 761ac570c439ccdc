// Environment variables, of which an empty one counts as unset.
#pragma once

#include <cstdlib>

namespace sparsetrain::detail {

// Null if there is none.
inline const char* environment_variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr || *value == '\0' ? nullptr : value;
}

}  // namespace sparsetrain::detail
