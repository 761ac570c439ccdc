#include "cli/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "cli/layer_report.h"

namespace sparsetrain::cli {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

double machines_memory() {
    std::ifstream memory("/proc/meminfo");
    for (std::string key; memory >> key;) {
        double kilobytes = 0;
        if (key == "MemAvailable:" && memory >> kilobytes) return 1024 * kilobytes;
        memory.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return kUnlimited;
}

// Of version 2, as containers show their own.
double groups_memory() {
    double most = 0, taken = 0;
    std::ifstream limit("/sys/fs/cgroup/memory.max"), current("/sys/fs/cgroup/memory.current");
    return limit >> most && current >> taken ? std::max(0.0, most - taken) : kUnlimited;
}

// Of address space (`ulimit -v`).
double processes_memory() {
    rlimit limit{};
    double pages = 0;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
    std::ifstream("/proc/self/statm") >> pages;
    return std::max(0.0,
                    static_cast<double>(limit.rlim_cur) - pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

}  // namespace

double available_memory() {
    return std::min({machines_memory(), groups_memory(), processes_memory()});
}

// From two small networks, as everything is in proportion to the batch or does not depend on it.
double memory_of(const train::Model& model, int batch) {
    const auto memory = [&](int images) {
        const train::Network network = model.make(images, 1, Policy::dense, 1);
        return static_cast<double>(network.bytes() + replay_bytes(network));
    };
    const double one = memory(1), per_image = memory(2) - one;
    return one + per_image * (batch - 1);
}

}  // namespace sparsetrain::cli
