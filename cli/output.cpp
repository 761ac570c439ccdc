#include "cli/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

namespace sparsetrain::cli {

void occupy_standard_streams() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(descriptor, F_GETFD) != -1) continue;
        open("/", O_PATH);  // gets the lowest number that is free
    }
}

void flush_output() {
    errno = 0;
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
    const std::string reason = errno == 0 ? "an earlier write failed" : std::strerror(errno);
    throw std::runtime_error("standard output cannot be written: " + reason);
}

}  // namespace sparsetrain::cli
