#include <cstdio>
#include <filesystem>

#include "cli/commands.h"
#include "cli/machine.h"
#include "sparsetrain/library.h"

namespace sparsetrain::cli {
namespace {

std::string compiled_for() {
    std::string names;
    for (const char* uarch : microarchitectures()) names += (names.empty() ? "" : ", ") + std::string(uarch);
    return names.empty() ? "none" : names;
}

// A line per class: its name, passes and kernels.
void print_layer_classes() {
    const char* heading = "layer classes";
    if (layer_classes().empty()) std::printf("%-15snone\n", heading);
    for (const LayerClassInfo& layer : layer_classes()) {
        std::printf("%-15s%-17s%-26s%s\n", heading, layer.name,
                    layer.backward_data ? "fwd bwd_data bwd_weights" : "fwd bwd_weights",
                    layer.skips_zeros ? "dense zero_skip output_mask" : "dense");
        heading = "";
    }
}

}  // namespace

int run_info(const std::string& data_directory) {
    const bool data = std::filesystem::exists(data_directory);
    std::printf("sparsetrain    %s\n", version());
    std::printf("halide         %s\n", halide_version());
    std::printf("compiler       %s\n", compiler_name().c_str());
    std::printf("cpu            %s\n", cpu_model().c_str());
    std::printf("isa            %s\n", instruction_set());
    std::printf("uarch          %s\n", microarchitecture());
    std::printf("compiled for   %s\n", compiled_for().c_str());
    print_layer_classes();
    std::printf("fashion-mnist  %s%s\n", data_directory.c_str(),
                data ? "" : " is missing: install Debian's package dataset-fashion-mnist");
    return 0;
}

}  // namespace sparsetrain::cli
