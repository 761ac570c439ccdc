// Programs that the tuner runs.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sparsetrain::tune {

// Runs a program, found in PATH, in a process group of its own, so that Ctrl-C is the tuner's alone. Calls
// on_line for each line of its stdout; stderr is appended to `log`. As soon as stop() is true, and also if
// on_line throws or this process is killed, the program ends with all that it started: first asked by
// SIGTERM, a few seconds later killed. Returns whether the program ended by itself with exit code 0. Throws
// Error(unsupported) if it cannot be started.
bool run_program(std::vector<std::string> words, const std::filesystem::path& log,
                 const std::function<void(const std::string&)>& on_line, const std::function<bool()>& stop);

}  // namespace sparsetrain::tune
