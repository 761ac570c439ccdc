// Tells whether processes are gone, whatever groups, sessions and parents they have.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace sparsetrain::test {

// The writer's end of a pipe, which every process that is started from now on holds open.
class Traces {
  public:
    Traces() {
        if (pipe(ends_.data()) != 0) throw std::runtime_error("no pipe");
        fcntl(ends_[0], F_SETFD, FD_CLOEXEC);
    }
    ~Traces() {
        close(ends_[0]);
        forget_own();
    }
    Traces(const Traces&) = delete;
    Traces& operator=(const Traces&) = delete;

    void forget_own() {
        if (ends_[1] >= 0) close(ends_[1]);
        ends_[1] = -1;
    }
    // Whether nobody else has it open any more, after a while.
    bool are_gone() {
        forget_own();
        pollfd ready = {ends_[0], POLLIN, 0};
        return poll(&ready, 1, 60'000) == 1 && (ready.revents & POLLHUP) != 0;
    }

  private:
    std::array<int, 2> ends_{};
};

}  // namespace sparsetrain::test
