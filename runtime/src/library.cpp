#include "sparsetrain/library.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "layer_class.h"
#include "lazily.h"
#include "microarchitecture.h"

using sparsetrain::detail::LayerClass;

// The linker's names for the ends of a section: weak, as a program without classes has none.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
[[gnu::weak, gnu::visibility("hidden")]] extern const LayerClass* const __start_sparsetrain_classes[];
[[gnu::weak, gnu::visibility("hidden")]] extern const LayerClass* const __stop_sparsetrain_classes[];
// NOLINTEND(bugprone-reserved-identifier)
}

namespace sparsetrain {

namespace {

detail::Lazily<std::vector<const LayerClass*>> linked_classes;
detail::Lazily<std::vector<const char*>> uarch_names;
detail::Lazily<std::vector<LayerClassInfo>> class_infos;

}  // namespace

const char* version() {
    return SPARSETRAIN_VERSION;
}
const char* halide_version() {
    return SPARSETRAIN_HALIDE_VERSION;
}

namespace detail {

std::span<const LayerClass* const> all_linked_layer_classes() {
    return {__start_sparsetrain_classes, __stop_sparsetrain_classes};
}

std::span<const LayerClass* const> linked_layer_classes() {
    return linked_classes.get([] {
        std::vector<const LayerClass*> of_uarch;
        for (const LayerClass* linked : all_linked_layer_classes())
            if (linked->uarch == std::string_view(required_tables().name)) of_uarch.push_back(linked);
        return of_uarch;
    });
}

}  // namespace detail

std::span<const char* const> microarchitectures() {
    return uarch_names.get([] {
        std::vector<const char*> compiled;
        for (const schedules::Tables* tables : detail::compiled_tables()) compiled.push_back(tables->name);
        return compiled;
    });
}

std::span<const LayerClassInfo> layer_classes() {
    return class_infos.get([] {
        const std::string_view in_use = microarchitecture();
        std::vector<LayerClassInfo> infos;
        for (const detail::LayerClass* linked : detail::all_linked_layer_classes())
            if (in_use == linked->uarch) infos.push_back(linked->info);
        return infos;
    });
}

namespace {

// Calls visit(kernel) for each record of a class and pass, on the microarchitectures that may run.
template <typename Visit>
void for_each_kernel(const LayerClassInfo& layer, Pass pass, Visit visit) {
    for (const LayerClass* linked : detail::linked_layer_classes()) {
        if (linked->info.name != std::string_view(layer.name)) continue;
        for (const detail::ConvKernel* kernel : linked->kernels)
            if (kernel->pass == pass) visit(*kernel);
    }
}

}  // namespace

std::vector<Kernel> kernels_of(const LayerClassInfo& layer, Pass pass) {
    std::vector<Kernel> kernels;
    for_each_kernel(layer, pass, [&](const detail::ConvKernel& kernel) {
        if (std::find(kernels.begin(), kernels.end(), kernel.name) == kernels.end())
            kernels.push_back(kernel.name);
    });
    return kernels;
}

double error_bound_of(const LayerClassInfo& layer, Pass pass, Kernel kernel) {
    double bound = 0;
    for_each_kernel(layer, pass, [&](const detail::ConvKernel& one) {
        if (one.name == kernel) bound = std::max(bound, one.error_bound);
    });
    return bound;
}

}  // namespace sparsetrain
