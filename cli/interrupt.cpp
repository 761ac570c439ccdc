#include "cli/interrupt.h"

#include <ctime>

namespace sparsetrain::cli {
namespace {

volatile std::sig_atomic_t received = 0;
std::timespec first = {};

// The same request can come twice: `timeout`, for one, signals its child and then the child's group.
void note_signal(int signal) {
    constexpr std::time_t kSameSeconds = 1;
    std::timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (received == 0) {
        received = signal;
        first = now;
    } else if (now.tv_sec - first.tv_sec > kSameSeconds) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);  // ends the process when this returns
    }
}

}  // namespace

InterruptGuard::InterruptGuard() {
    received = 0;
    struct sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &previous_interrupt_);
    sigaction(SIGTERM, &action, &previous_termination_);
}

InterruptGuard::~InterruptGuard() {
    sigaction(SIGINT, &previous_interrupt_, nullptr);
    sigaction(SIGTERM, &previous_termination_, nullptr);
}

int InterruptGuard::signal() {
    return received;
}

}  // namespace sparsetrain::cli
