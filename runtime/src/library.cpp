#include "sparsetrain/library.h"

#include <vector>

#include "layer_class.h"

namespace sparsetrain {

const char* version() {
    return SPARSETRAIN_VERSION;
}
const char* halide_version() {
    return SPARSETRAIN_HALIDE_VERSION;
}

bool cpu_supported() {
    // The compiler's run-time checks include whether the operating system saves the registers.
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw");
}

std::span<const LayerClassInfo> layer_classes() {
    static const std::vector<LayerClassInfo> classes = [] {
        std::vector<LayerClassInfo> infos;
        for (const detail::LayerClass* linked : detail::linked_layer_classes()) infos.push_back(linked->info);
        return infos;
    }();
    return classes;
}

}  // namespace sparsetrain
