// What this program was compiled with and runs on, in words.
#pragma once

#include <string>

namespace sparsetrain::cli {

std::string compiler_name();  // "GCC 12.2.0"
std::string cpu_model();      // as the kernel names it; "unknown CPU" where it does not

}  // namespace sparsetrain::cli
