#include "cli/machine.h"

#include <fstream>

namespace sparsetrain::cli {

std::string compiler_name() {
#ifdef __clang__
    return __VERSION__;  // begins with the compiler's name
#else
    return "GCC " __VERSION__;
#endif
}

std::string cpu_model() {
    std::ifstream cpus("/proc/cpuinfo");
    for (std::string line; std::getline(cpus, line);)
        if (line.starts_with("model name"))
            if (const auto colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
    return "unknown CPU";
}

}  // namespace sparsetrain::cli
