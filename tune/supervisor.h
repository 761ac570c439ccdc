// The process between the tuner and a program that it runs. It ends all that the program started, in whatever
// process groups and sessions that is (ninja gives each command a group of its own), when the tuner asks for
// it, and also when the tuner itself is killed.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace sparsetrain::tune {

// Starts it and, below it, the program, in a process group of its own, with nothing to read, its stdout going
// to the file descriptor `output` and its stderr appended to `log`. SIGTERM asks it to end everything; it
// succeeds if the program ended by itself with exit code 0. Throws Error(unsupported) if the program cannot
// be started.
pid_t start_supervised(std::vector<std::string> words, const std::filesystem::path& log, int output);

}  // namespace sparsetrain::tune
