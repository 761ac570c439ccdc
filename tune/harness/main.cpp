// The program `measure` that `sparsetrain tune` builds with candidates, runs, and reads JSON lines from.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "tune/harness/contest.h"

namespace sparsetrain::tune {
namespace {

Pass pass_from(const std::string& word) {
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights})
        if (word == to_string(pass)) return pass;
    throw Error(ErrorCode::invalid_argument, "expected fwd, bwd_data or bwd_weights, given " + word);
}

std::vector<bench::Layer> named_layers(const std::string& file, const std::vector<std::string>& names) {
    std::vector<bench::Layer> layers = bench::read_layers(
        file, [](const std::string& skipped) { std::fprintf(stderr, "measure: %s\n", skipped.c_str()); });
    std::erase_if(layers, [&](const bench::Layer& layer) {
        return std::find(names.begin(), names.end(), layer.name) == names.end();
    });
    return layers;
}

int run(int argc, char** argv) {
    CLI::App app("Measures kernels and candidates against a baseline.", "measure");
    std::string layers, pass, baseline_name;
    std::vector<std::string> layer_names, contestant_names;
    ContestOptions options;
    app.add_option("--layers", layers, "File of problem strings")->required();
    app.add_option("--layer", layer_names, "Names in it")->required();
    app.add_option("--pass", pass)->required();
    app.add_option("--percents", options.percents, "Of zeros")->required();
    app.add_option("--rounds", options.rounds);
    app.add_option("--hope", options.hope, "Speed below which a contestant is out");
    app.add_option("--baseline", baseline_name, "KERNEL or KERNEL:CANDIDATE+...")->required();
    app.add_option("--contestant", contestant_names)->required();
    CLI11_PARSE(app, argc, argv);
    options.pass = pass_from(pass);
    Contestant baseline(baseline_name);
    std::vector<Contestant> contestants(contestant_names.begin(), contestant_names.end());
    run_contest(options, named_layers(layers, layer_names), baseline, contestants);
    return 0;
}

}  // namespace
}  // namespace sparsetrain::tune

int main(int argc, char** argv) {
    try {
        return sparsetrain::tune::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "measure: %s\n", error.what());
        return 1;
    }
}
