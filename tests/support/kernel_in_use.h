// What runs where a plan names a kernel.
#pragma once

#include <string_view>

#include "sparsetrain/library.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::test {

// `baseline` has dense kernels only.
inline Kernel in_use(Kernel named) {
    return std::string_view(instruction_set()) == "baseline" ? Kernel::dense : named;
}

}  // namespace sparsetrain::test
