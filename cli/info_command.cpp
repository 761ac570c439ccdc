#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "cli/commands.h"
#include "cli/machine.h"
#include "conv_class.h"
#include "environment.h"
#include "sparsetrain/error.h"
#include "sparsetrain/library.h"
#include "train/dataset.h"
#include "verbose.h"

namespace sparsetrain::cli {
namespace {

std::string compiled_for() {
    std::string names;
    for (const char* uarch : microarchitectures()) names += (names.empty() ? "" : ", ") + std::string(uarch);
    return names.empty() ? "none" : names;
}

// Of any pass.
std::string kernels_of(const LayerClassInfo& layer) {
    std::string words;
    for (const Kernel kernel : kernels()) {
        for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
            if (!std::ranges::count(sparsetrain::kernels_of(layer, pass), kernel)) continue;
            if (!words.empty()) words += ' ';
            words += to_string(kernel);
            break;
        }
    }
    return words;
}

// A line per class: its name, passes and kernels.
void print_layer_classes() {
    const char* heading = "layer classes";
    if (layer_classes().empty()) std::printf("%-15snone\n", heading);
    for (const LayerClassInfo& layer : layer_classes()) {
        std::printf("%-15s%-17s%-26s%s\n", heading, layer.name,
                    layer.backward_data ? "fwd bwd_data bwd_weights" : "fwd bwd_weights",
                    kernels_of(layer).c_str());
        heading = "";
    }
}

// What is wrong with the environment variables that choose kernels or lines, or else with the CPU; a line
// each.
void print_faults() {
    const auto print_error_of = [](auto check) {
        try {
            check();
        } catch (const Error& error) {
            std::printf("%-15s%s\n", "error", error.what());
        }
    };
    print_error_of(require_supported_cpu);
    print_error_of([] { detail::choice_of_plan(Choice::measured); });
    print_error_of([] { detail::verbosity_of(detail::environment_variable("SPARSETRAIN_VERBOSE")); });
}

void print_data(const train::DataSource& source, const std::string& given) {
    const std::string directory = given.empty() ? source.directory : given;
    std::printf("%-15s%s%s\n", source.name, directory.c_str(),
                std::filesystem::exists(directory)
                    ? ""
                    : " is missing: install Debian's package dataset-fashion-mnist");
}

}  // namespace

int run_info(const std::string& data_directory) {
    std::printf("sparsetrain    %s\n", version());
    std::printf("halide         %s\n", halide_version());
    std::printf("compiler       %s\n", compiler_name().c_str());
    std::printf("cpu            %s\n", cpu_model().c_str());
    std::printf("isa            %s\n", instruction_set());
    std::printf("uarch          %s\n", microarchitecture());
    std::printf("compiled for   %s\n", compiled_for().c_str());
    print_faults();
    print_layer_classes();
    for (const train::DataSource& source : train::data_sources()) print_data(source, data_directory);
    return 0;
}

}  // namespace sparsetrain::cli
