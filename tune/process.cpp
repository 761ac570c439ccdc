#include "tune/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "tune/supervisor.h"

namespace sparsetrain::tune {
namespace {

constexpr int kMillisecondsBetweenLooks = 100;

class Pipe {
  public:
    Pipe() {
        if (pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe can be made");
    }
    ~Pipe() {
        for (const int end : ends_)
            if (end >= 0) close(end);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    int reader() const { return ends_[0]; }
    int writer() const { return ends_[1]; }
    void close_writer() {
        close(ends_[1]);
        ends_[1] = -1;
    }

  private:
    std::array<int, 2> ends_{-1, -1};
};

// A program under its supervisor.
class Child {
  public:
    Child(std::vector<std::string> words, const std::filesystem::path& log)
        : supervisor_(start_supervised(std::move(words), log, output_.writer())) {
        output_.close_writer();
    }
    ~Child() {
        if (supervisor_ == 0) return;
        terminate();
        wait();
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    // Whether there may be more to read; waits for it a while. What outlives the program may keep its stdout
    // open: then the program's end counts.
    bool read_more(std::string& text) const {
        const bool was_over = is_over();
        pollfd ready = {output_.reader(), POLLIN, 0};
        if (poll(&ready, 1, was_over ? 0 : kMillisecondsBetweenLooks) <= 0) return !was_over;
        std::array<char, 4096> part{};
        const ssize_t size = read(output_.reader(), part.data(), part.size());
        if (size > 0) text.append(part.data(), static_cast<std::size_t>(size));
        return size > 0;
    }

    void terminate() const { kill(supervisor_, SIGTERM); }

    bool wait() {
        int status = -1;
        while (waitpid(supervisor_, &status, 0) < 0 && errno == EINTR) {
        }
        supervisor_ = 0;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

  private:
    bool is_over() const {
        siginfo_t end = {};
        return waitid(P_PID, static_cast<id_t>(supervisor_), &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               end.si_pid != 0;
    }

    Pipe output_;
    pid_t supervisor_;
};

}  // namespace

bool run_program(std::vector<std::string> words, const std::filesystem::path& log,
                 const std::function<void(const std::string&)>& on_line, const std::function<bool()>& stop) {
    Child child(std::move(words), log);
    std::string text;
    bool stopped = false;
    while (child.read_more(text)) {
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
            on_line(text.substr(0, end));
            text.erase(0, end + 1);
        }
        if (stopped || !stop()) continue;
        stopped = true;
        child.terminate();
    }
    return child.wait() && !stopped;
}

}  // namespace sparsetrain::tune
