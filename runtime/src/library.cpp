#include "sparsetrain/library.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "layer_class.h"
#include "microarchitecture.h"
#include "schedules/tables.h"

using sparsetrain::detail::LayerClass;

// The linker's names for the ends of a section: weak, as a program without classes has none.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
[[gnu::weak, gnu::visibility("hidden")]] extern const LayerClass* const __start_sparsetrain_classes[];
[[gnu::weak, gnu::visibility("hidden")]] extern const LayerClass* const __stop_sparsetrain_classes[];
// NOLINTEND(bugprone-reserved-identifier)
}

namespace sparsetrain {

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
    static const std::vector<const LayerClass*> classes = [] {
        std::vector<const LayerClass*> of_uarch;
        for (const LayerClass* linked : all_linked_layer_classes())
            if (linked->uarch == std::string_view(required_tables().name)) of_uarch.push_back(linked);
        return of_uarch;
    }();
    return classes;
}

}  // namespace detail

std::span<const char* const> microarchitectures() {
    static const std::vector<const char*> names = [] {
        std::vector<const char*> linked;
        for (const schedules::Tables* tables : schedules::kAllTables) {
            const auto is_of = [&](const LayerClass* layer) {
                return schedules::same_name(layer->uarch, tables->name);
            };
            const auto all = detail::all_linked_layer_classes();
            if (std::any_of(all.begin(), all.end(), is_of)) linked.push_back(tables->name);
        }
        return linked;
    }();
    return names;
}

std::span<const LayerClassInfo> layer_classes() {
    static const std::vector<LayerClassInfo> classes = [] {
        const std::string_view in_use = microarchitecture();
        std::vector<LayerClassInfo> infos;
        for (const detail::LayerClass* linked : detail::all_linked_layer_classes())
            if (in_use == linked->uarch) infos.push_back(linked->info);
        return infos;
    }();
    return classes;
}

}  // namespace sparsetrain
