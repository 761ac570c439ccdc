#include "cli/tune_options.h"

#include <CLI/CLI.hpp>

#include "cli/duration.h"
#include "cli/words.h"
#include "sparsetrain/library.h"

namespace sparsetrain::cli {
namespace {

std::vector<std::string> class_names() {
    std::vector<std::string> names;
    for (const LayerClassInfo& info : layer_classes()) names.emplace_back(info.name);
    return names;
}

// CLI::Range's message leaves out what was given.
std::string check_percent(const std::string& word) {
    int percent = -1;
    if (CLI::detail::lexical_cast(word, percent) && percent >= 0 && percent < 100) return {};
    return "given " + word + ", expected percentages from 0 to 99";
}

}  // namespace

double TuneOptions::budget_seconds() const {
    return parse_duration(budget);
}

void add_tune_options(CLI::App& command, TuneOptions& options) {
    command.add_option("--class", options.classes, "Layer classes; all unless given")
        ->delimiter(',')
        ->check(CLI::IsMember(class_names()));
    command.add_option("--pass", options.passes, "Passes; all unless given")
        ->delimiter(',')
        ->check(CLI::IsMember({"fwd", "bwd_data", "bwd_weights"}));
    command.add_option("--kernel", options.kernels, "Kernels; all unless given")
        ->delimiter(',')
        ->check(CLI::IsMember(words_of(kernels())));
    command.add_option("--blocking", options.blockings, "Blockings; all unless given")
        ->delimiter(',')
        ->check(CLI::IsMember({"wide", "narrow", "planar"}));
    command.add_option("--layers", options.layers_file,
                       "File of benchdnn problem strings to measure; a list for all classes unless given");
    command.add_option("--layer", options.layers, "Names of layers in it; all unless given")->delimiter(',');
    command.add_option("--percents", options.percents, "Percentages of zeros to measure zero skipping at")
        ->delimiter(',')
        ->check(CLI::Validator(check_percent, "PERCENT"))
        ->capture_default_str();
    command.add_option("--budget", options.budget, "Time to spend, such as 90s, 10m or 2h")
        ->check(CLI::Validator(check_duration, "TIME"))
        ->capture_default_str();
    command
        .add_option(
            "--out", options.out,
            "File to write, for -DSPARSETRAIN_SCHEDULES; FILE.work has the journal and all that is built")
        ->capture_default_str();
    command.add_flag("--explain", options.explain,
                     "Measure nothing: show what rows take, what they should cost and what was measured");
}

}  // namespace sparsetrain::cli
