#include "tune/supervisor.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "sparsetrain/error.h"

extern char** environ;

namespace sparsetrain::tune {
namespace {

constexpr auto kBetweenLooks = std::chrono::milliseconds(20);
constexpr int kLooksBeforeKill = 150;  // for whoever cleans up, as ninja does with half-written files

sigset_t awaited_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    return signals;
}

// Collects children that have ended, and says whether others are left.
bool has_children() {
    pid_t ended = 0;
    do ended = waitpid(-1, nullptr, WNOHANG);
    while (ended > 0);
    return ended == 0;
}

// Theirs become ours when they die.
void kill_children() {
    std::ifstream children("/proc/thread-self/children");
    for (pid_t child = 0; children >> child;) kill(child, SIGKILL);
}

class Supervisor {
  public:
    // errno, if the program cannot be started.
    int start(char** argv, const char* log, int output) {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes, &none);
        return posix_spawnp(&program_, argv[0], &actions, &attributes, argv, environ);
    }

    // What a program that succeeded leaves behind may stay, such as a compiler's cache server.
    [[noreturn]] void watch() const {
        const sigset_t awaited = awaited_signals();
        while (sigwaitinfo(&awaited, nullptr) != SIGTERM) {
            int status = 0;
            for (pid_t ended = 1; ended > 0;) {
                ended = waitpid(-1, &status, WNOHANG);
                if (ended != program_) continue;
                if (status == 0) _exit(0);
                end_all();
            }
        }
        end_all();
    }

  private:
    [[noreturn]] void end_all() const {
        kill(-program_, SIGTERM);
        for (int looks = 0; has_children(); ++looks) {
            if (looks >= kLooksBeforeKill) kill_children();
            std::this_thread::sleep_for(kBetweenLooks);
        }
        _exit(1);
    }

    pid_t program_ = 0;
};

// In the new process, whose awaited signals are blocked. Ctrl-C is for the tuner's process group alone.
[[noreturn]] void supervise(char** argv, const char* log, int output, int failures, pid_t tuner) {
    setpgid(0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != tuner) _exit(1);  // it died before this could be noticed
    Supervisor supervisor;
    if (const int error = supervisor.start(argv, log, output); error != 0) {
        const ssize_t written = write(failures, &error, sizeof error);
        _exit(written == sizeof error ? 1 : 2);
    }
    close(output);
    close(failures);
    supervisor.watch();
}

[[noreturn]] void fail(const std::string& program, int error) {
    throw Error(ErrorCode::unsupported,
                "expected the program " + program + ", which cannot be run: " + std::strerror(error));
}

// While one exists, the signals that the supervisor waits for stay pending: none gets lost at its start.
class BlockedSignals {
  public:
    BlockedSignals() {
        const sigset_t awaited = awaited_signals();
        sigprocmask(SIG_BLOCK, &awaited, &previous_);
    }
    ~BlockedSignals() { sigprocmask(SIG_SETMASK, &previous_, nullptr); }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

  private:
    sigset_t previous_{};
};

}  // namespace

pid_t start_supervised(std::vector<std::string> words, const std::filesystem::path& log, int output) {
    std::vector<char*> argv(words.size() + 1);
    std::transform(words.begin(), words.end(), argv.begin(), [](std::string& word) { return word.data(); });
    std::array<int, 2> failures{};
    if (pipe2(failures.data(), O_CLOEXEC) != 0) fail(words[0], errno);
    const pid_t tuner = getpid();
    pid_t supervisor = 0;
    {
        const BlockedSignals blocked;
        supervisor = fork();
        if (supervisor == 0) supervise(argv.data(), log.c_str(), output, failures[1], tuner);
    }
    int error = supervisor < 0 ? errno : 0;
    close(failures[1]);
    const bool failed = supervisor < 0 || read(failures[0], &error, sizeof error) == sizeof error;
    close(failures[0]);
    if (!failed) return supervisor;
    if (supervisor > 0) waitpid(supervisor, nullptr, 0);
    fail(words[0], error);
}

}  // namespace sparsetrain::tune
