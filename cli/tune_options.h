// The command line of `sparsetrain tune`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sparsetrain::cli {

// Of a list that is empty, everything is meant.
struct TuneOptions {
    std::vector<std::string> classes, passes, kernels, blockings;
    std::string layers_file;
    std::vector<std::string> layers;
    std::vector<int> percents = {0, 50, 80, 90};
    std::string budget = "10m";
    std::filesystem::path out = "tuned.inc";
    bool explain = false;
    std::string command;  // as it was given

    double budget_seconds() const;
    std::filesystem::path work_directory() const { return out.string() + ".work"; }
};

// Adds the options, with checks of every value, to the subcommand `command`.
void add_tune_options(CLI::App& command, TuneOptions& options);

}  // namespace sparsetrain::cli
