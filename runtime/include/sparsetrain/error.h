// The exception type of the library.
#pragma once

#include <stdexcept>
#include <string>

#include "sparsetrain/export.h"

namespace sparsetrain {

enum class ErrorCode {
    invalid_argument,  // a shape, layout, pointer, alignment or count that the call cannot take
    unsupported,       // a valid request that this build, machine or release does not serve
    out_of_memory,
    internal,  // a compiled pipeline failed where the checks in front of it should have caught the cause
};

// Its message names the function, the value given and the value expected. Beside it, only std::bad_alloc is
// thrown, and what a pool of the caller's throws (workspace.h).
class SPARSETRAIN_API Error : public std::runtime_error {
  public:
    Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
    ErrorCode code() const noexcept { return code_; }

  private:
    ErrorCode code_;
};

}  // namespace sparsetrain
