// Runs the `sparsetrain` program as a user does.
#pragma once

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

extern char** environ;

namespace sparsetrain::test {

class Program {
  public:
    explicit Program(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), SPARSETRAIN_PROGRAM);
        start(std::move(arguments));
    }
    // A command of the shell, where $PROGRAM is the program.
    static Program in_shell(const std::string& command) {
        return {Shell(), "PROGRAM='" SPARSETRAIN_PROGRAM "'; " + command};
    }
    ~Program() {
        if (process_ > 0) kill(process_, SIGKILL);
        if (process_ > 0) waitpid(process_, nullptr, 0);
        close(from_program_);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    // Waits until the output, of stdout and stderr, holds `text`. False if the program ends without.
    bool wait_for(const std::string& text) {
        while (output_.find(text) == std::string::npos)
            if (!read_more()) return false;
        return true;
    }

    void send(int signal) const { kill(process_, signal); }

    // Waits for the end. The exit code, or -1 if a signal ended the program.
    int exit_code() {
        while (read_more()) {
        }
        int status = 0;
        wait4(process_, &status, 0, &usage_);
        process_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    const std::string& output() const { return output_; }

    // The most memory that was resident, in bytes, of a program that has ended.
    double peak_memory() const { return 1024.0 * static_cast<double>(usage_.ru_maxrss); }

  private:
    struct Shell {};
    Program(Shell, const std::string& command) { start({"/bin/sh", "-c", command}); }

    void start(std::vector<std::string> arguments) {
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        std::array<int, 2> ends{};
        if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
        const int failed = posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
        from_program_ = ends[0];
        if (failed != 0) throw std::runtime_error("cannot run " + arguments[0]);
    }

    bool read_more() {
        std::array<char, 4096> part{};
        const ssize_t size = read(from_program_, part.data(), part.size());
        if (size > 0) output_.append(part.data(), static_cast<std::size_t>(size));
        return size > 0;
    }

    pid_t process_ = 0;
    int from_program_ = -1;
    std::string output_;
    rusage usage_{};
};

}  // namespace sparsetrain::test
