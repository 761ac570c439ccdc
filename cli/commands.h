// The subcommands of `sparsetrain`. Each returns an exit code, and throws what makes it fail.
#pragma once

#include <string>

#include "cli/train_options.h"
#include "cli/tune_options.h"

namespace sparsetrain::cli {

int run_train(const TrainOptions& options);
int run_tune(const TuneOptions& options);
int run_info(const std::string& data_directory);

}  // namespace sparsetrain::cli
