// Turns Ctrl-C into a request that a loop can honour when it suits it.
#pragma once

#include <csignal>

namespace sparsetrain::cli {

// While one exists, the first SIGINT sets requested(); a second one, a second or two later, ends the process
// as usual.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    static bool requested();

  private:
    struct sigaction previous_ {};
};

}  // namespace sparsetrain::cli
