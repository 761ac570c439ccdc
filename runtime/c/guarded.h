// How functions of the C interface fail: by a code, and a text of the calling thread's.
#pragma once

#include <utility>

#include "sparsetrain/c/status.h"

namespace sparsetrain::c {

// Of the exception that is being handled: keeps its text, which names `function` where it does not name one
// itself. Throws nothing.
sparsetrain_status status_of_exception(const char* function) noexcept;

// Calls `body`, from which no exception comes out.
template <typename Body>
sparsetrain_status guarded(const char* function, Body&& body) noexcept {
    try {
        std::forward<Body>(body)();
        return SPARSETRAIN_OK;
    } catch (...) {
        return status_of_exception(function);
    }
}

// What `body` returns; `otherwise`, if it throws.
template <typename Value, typename Body>
Value guarded_value(const char* function, Value otherwise, Body&& body) noexcept {
    guarded(function, [&] { otherwise = std::forward<Body>(body)(); });
    return otherwise;
}

}  // namespace sparsetrain::c
