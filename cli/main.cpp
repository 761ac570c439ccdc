// The `sparsetrain` program. Exit codes: 0 for success, 1 for failure, 2 for a command line that is wrong,
// 130 and 143 for a run that Ctrl-C or SIGTERM ended early.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "cli/commands.h"
#include "cli/output.h"
#include "sparsetrain/library.h"

namespace {

using sparsetrain::cli::TrainOptions;

int run(int argc, char** argv) {
    CLI::App app("Trains ReLU networks with convolutions that skip zeros.", "sparsetrain");
    app.require_subcommand(0, 1);  // a required one would hide which word was wrong
    app.set_version_flag("--version", sparsetrain::version());

    TrainOptions options;
    CLI::App* train = app.add_subcommand("train", "Train a network and show what zero skipping gave");
    add_train_options(*train, options);
#ifdef SPARSETRAIN_HAS_TUNE
    sparsetrain::cli::TuneOptions tune_options;
    for (int i = 0; i < argc; ++i) tune_options.command += (i == 0 ? "" : " ") + std::string(argv[i]);
    CLI::App* tune = app.add_subcommand("tune", "Find schedules for this CPU, or for your own layers");
    add_tune_options(*tune, tune_options);
#endif
    CLI::App* info = app.add_subcommand("info", "Show versions, the CPU's abilities and the kernels linked");
    info->add_option("--data-dir", options.data_directory, "Directory of the IDX files");

    try {
        app.parse(argc, argv);
        if (app.get_subcommands().empty()) throw CLI::RequiredError("A command, train, tune or info,");
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;  // --help and --version end here too
    }
#ifdef SPARSETRAIN_HAS_TUNE
    if (tune->parsed()) return sparsetrain::cli::run_tune(tune_options);
#endif
    return info->parsed() ? sparsetrain::cli::run_info(options.data_directory)
                          : sparsetrain::cli::run_train(options);
}

}  // namespace

int main(int argc, char** argv) {
    sparsetrain::cli::occupy_standard_streams();
    try {
        const int status = run(argc, argv);
        sparsetrain::cli::flush_output();
        return status;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sparsetrain: %s\n", error.what());
        return 1;
    }
}
