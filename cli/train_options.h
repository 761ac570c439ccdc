// The command line of `sparsetrain train`.
#pragma once

#include <cstdint>
#include <string>

#include "cli/recipe.h"

namespace CLI {
class App;
}

namespace sparsetrain::cli {

struct TrainOptions {
    std::string model = "vgg-small";
    std::string data = "fashion-mnist";
    std::string data_directory;  // empty: where that data usually is
    int steps = 0;               // 0: kDefaultSteps, or as many as fit the budget
    std::string budget;          // of time; empty: none
    int image_size = 0;          // 0: that of the data, or the smallest that the model takes
    int classes = 0;             // 0: as many as the data have
    int batch = 64;
    int threads = 1;
    std::string kernels = "auto";
    std::string choice = "measured";
    std::uint32_t seed = 1;
    std::string metrics;     // path of the metrics file; empty for none
    std::string init, save;  // paths of weights to begin with, and to write at the end; empty for none
    Recipe recipe;

    static constexpr int kDefaultSteps = 1000;
    RunLength length() const;
};

// Adds the options, with checks of every value, to the subcommand `command`. `options` is filled when
// `command` is parsed; of an option that is repeated, the last value counts.
void add_train_options(CLI::App& command, TrainOptions& options);

}  // namespace sparsetrain::cli
