#include "cli/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace sparsetrain::cli {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// The value of `wanted` in a file of lines "key: number kB".
double kilobytes_in(const char* path, const std::string& wanted, double otherwise) {
    std::ifstream lines(path);
    for (std::string key; lines >> key;) {
        double kilobytes = 0;
        if (key == wanted && lines >> kilobytes) return 1024 * kilobytes;
        lines.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return otherwise;
}

double machines_memory() {
    return kilobytes_in("/proc/meminfo", "MemAvailable:", kUnlimited);
}

double status_of(const char* key) {
    return kilobytes_in("/proc/self/status", key, 0);
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

double resident_memory() {
    return status_of("VmRSS:");
}

double most_resident_memory() {
    return status_of("VmHWM:");
}

}  // namespace sparsetrain::cli
