// Turns Ctrl-C and SIGTERM into a request that a loop can honour when it suits it.
#pragma once

#include <csignal>

namespace sparsetrain::cli {

// While one exists, the first SIGINT or SIGTERM sets signal(); a second one, a second or two later, ends the
// process as usual.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    // SIGINT or SIGTERM; 0 if none came since the newest guard was made.
    static int signal();
    static bool requested() { return signal() != 0; }

    // That of a program which such a signal ended: 130 or 143; 0 if none came.
    static int exit_status() { return requested() ? 128 + signal() : 0; }

  private:
    struct sigaction previous_interrupt_ {};
    struct sigaction previous_termination_ {};
};

}  // namespace sparsetrain::cli
