#include "tune/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "sparsetrain/error.h"

extern char** environ;

namespace sparsetrain::tune {
namespace {

constexpr int kMillisecondsBetweenLooks = 100;

class Child {
  public:
    Child(std::vector<std::string>& words, const std::filesystem::path& log) {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(words[0], errno);
        std::vector<char*> argv(words.size() + 1);
        std::transform(words.begin(), words.end(), argv.begin(),
                       [](std::string& word) { return word.data(); });
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                         0666);
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        const int error = posix_spawnp(&process_, argv[0], &actions, &attributes, argv.data(), environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
        from_child_ = ends[0];
        if (error != 0) {
            close(from_child_);
            fail(words[0], error);
        }
    }
    ~Child() {
        close(from_child_);
        if (process_ > 0) wait();
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    // Whether there may be more to read; waits for it a while.
    bool read_more(std::string& text) const {
        pollfd ready = {from_child_, POLLIN, 0};
        if (poll(&ready, 1, kMillisecondsBetweenLooks) <= 0) return true;
        std::array<char, 4096> part{};
        const ssize_t size = read(from_child_, part.data(), part.size());
        if (size > 0) text.append(part.data(), static_cast<std::size_t>(size));
        return size > 0;
    }

    void terminate() const { kill(-process_, SIGTERM); }

    bool wait() {
        int status = 0;
        while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
        }
        process_ = 0;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

  private:
    [[noreturn]] static void fail(const std::string& program, int error) {
        throw Error(ErrorCode::unsupported,
                    "expected the program " + program + ", which cannot be run: " + std::strerror(error));
    }

    pid_t process_ = 0;
    int from_child_ = -1;
};

}  // namespace

bool run_program(std::vector<std::string> words, const std::filesystem::path& log,
                 const std::function<void(const std::string&)>& on_line, const std::function<bool()>& stop) {
    Child child(words, log);
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
