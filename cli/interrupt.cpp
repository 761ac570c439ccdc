#include "cli/interrupt.h"

#include <ctime>

namespace sparsetrain::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;
std::timespec first = {};

// The same Ctrl-C can come twice: `timeout`, for one, signals its child and then the child's group.
void note_interrupt(int) {
    constexpr std::time_t kSameSeconds = 1;
    std::timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (interrupted == 0) {
        interrupted = 1;
        first = now;
    } else if (now.tv_sec - first.tv_sec > kSameSeconds) {
        std::signal(SIGINT, SIG_DFL);
        std::raise(SIGINT);  // ends the process when this returns
    }
}

}  // namespace

InterruptGuard::InterruptGuard() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = note_interrupt;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &previous_);
}

InterruptGuard::~InterruptGuard() {
    sigaction(SIGINT, &previous_, nullptr);
}

bool InterruptGuard::requested() {
    return interrupted != 0;
}

}  // namespace sparsetrain::cli
