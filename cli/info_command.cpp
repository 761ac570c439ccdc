#include <cstdio>
#include <filesystem>

#include "cli/commands.h"
#include "cli/machine.h"
#include "sparsetrain/library.h"

namespace sparsetrain::cli {
namespace {

std::string linked_classes() {
    std::string names;
    for (const LayerClassInfo& layer_class : layer_classes())
        names += (names.empty() ? "" : ", ") + std::string(layer_class.name);
    return names.empty() ? "none" : names;
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
    std::printf("layer classes  %s\n", linked_classes().c_str());
    std::printf("fashion-mnist  %s%s\n", data_directory.c_str(),
                data ? "" : " is missing: install Debian's package dataset-fashion-mnist");
    return 0;
}

}  // namespace sparsetrain::cli
