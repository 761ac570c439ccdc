// Times on the command line.
#pragma once

#include <string>

namespace sparsetrain::cli {

// "90s", "10m" or "2h" in seconds; negative for anything else.
double parse_duration(const std::string& text);

// What is wrong with `text` as a time, for an option's check; empty if nothing is.
std::string check_duration(const std::string& text);

}  // namespace sparsetrain::cli
