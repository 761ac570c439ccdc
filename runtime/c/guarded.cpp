#include "guarded.h"

#include <array>
#include <cstdio>
#include <exception>
#include <new>

#include "sparsetrain/c/status.h"
#include "sparsetrain/error.h"

namespace sparsetrain::c {

namespace {

// Of a fixed size, so that it can be written where memory is out, and without a destructor, which a thread
// would run after the library may have been unloaded.
thread_local std::array<char, 2048> error_text{};

// `function` may be empty.
void keep_text(const char* function, const char* text) {
    std::snprintf(error_text.data(), error_text.size(), "%s%s%s", function, *function == '\0' ? "" : ": ",
                  text);
}

sparsetrain_status status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return SPARSETRAIN_INVALID_ARGUMENT;
        case ErrorCode::unsupported:
            return SPARSETRAIN_UNSUPPORTED;
        case ErrorCode::out_of_memory:
            return SPARSETRAIN_OUT_OF_MEMORY;
        case ErrorCode::internal:
            break;
    }
    return SPARSETRAIN_INTERNAL;
}

}  // namespace

sparsetrain_status status_of_exception(const char* function) noexcept {
    try {
        throw;
    } catch (const Error& error) {
        keep_text("", error.what());
        return status_of(error.code());
    } catch (const std::bad_alloc&) {
        keep_text(function, "out of memory");
        return SPARSETRAIN_OUT_OF_MEMORY;
    } catch (const std::exception& error) {
        keep_text(function, error.what());
    } catch (...) {
        keep_text(function, "the pool threw an exception");
    }
    return SPARSETRAIN_INTERNAL;
}

}  // namespace sparsetrain::c

const char* sparsetrain_error_text() {
    return sparsetrain::c::error_text.data();
}

int sparsetrain_c_version() {
    return SPARSETRAIN_C_VERSION;
}
