#include "tune/subject.h"

#include <algorithm>

#include "layer_class.h"
#include "schedules/faults.h"
#include "tune/text.h"

namespace sparsetrain::tune {
namespace {

// A kernel that reads the rows of another has none to tune.
bool has_rows(const detail::ConvKernel& kernel) {
    bool has = false;
    schedules::for_each_table([&]<typename Row>(schedules::Table<Row> schedules::Tables::*) {
        has = has || schedules::is_for<Row>(to_string(kernel.name), to_string(kernel.pass));
    });
    return has;
}

void add_subjects_of(const detail::LayerClass& layer_class, std::vector<Subject>& all) {
    const LayerClassInfo& info = layer_class.info;
    for (const bool is_dense : {false, true}) {
        for (const detail::ConvKernel* kernel : layer_class.kernels) {
            if ((kernel->name == Kernel::dense) != is_dense || !has_rows(*kernel)) continue;
            Subject subject = {info.name,
                               {info.filter_h, info.filter_w, info.stride},
                               kernel->pass,
                               kernel->name,
                               kernel->blocking};
            const auto is_listed = [&](const Subject& other) { return other.name() == subject.name(); };
            if (std::none_of(all.begin(), all.end(), is_listed)) all.push_back(std::move(subject));
        }
    }
}

}  // namespace

std::string Subject::name() const {
    std::string name = kernel_name(kernel);
    if (!blocking.empty()) add_to_list(name, blocking, "/");
    return name;
}

std::string Subject::kernel_name(Kernel other) const {
    return layer_class + "/" + sparsetrain::to_string(pass) + "/" + sparsetrain::to_string(other);
}

std::vector<Subject> all_subjects() {
    std::vector<Subject> all;
    for (const detail::LayerClass* layer_class : detail::linked_layer_classes())
        add_subjects_of(*layer_class, all);
    return all;
}

std::vector<std::string> tile_names(const Subject& subject) {
    return with_table(subject, []<typename Row>(schedules::Table<Row> schedules::Tables::*) {
        std::vector<std::string> names;
        for (const auto& tile : schedules::Tiles<Row>::all) names.emplace_back(tile.name);
        return names;
    });
}

TileSizes sizes_of_today(const Subject& subject, const schedules::Tables& tables) {
    return with_table(subject, [&]<typename Row>(schedules::Table<Row> schedules::Tables::*table) {
        const Row row = row_of(subject, tables, table);
        TileSizes sizes;
        for (const auto& tile : schedules::Tiles<Row>::all) sizes.push_back(row.*tile.size);
        return sizes;
    });
}

std::string fault_of(const Subject& subject, const schedules::Tables& tables, const TileSizes& sizes) {
    return with_table(
        subject, [&]<typename Row>(schedules::Table<Row> schedules::Tables::*table) -> std::string {
            constexpr std::size_t kCount = schedules::kTileCount<Row>;
            if (sizes.size() != kCount)
                return std::to_string(sizes.size()) + " sizes, expected " + std::to_string(kCount);
            return schedules::fault_of(with_sizes(row_of(subject, tables, table), sizes), tables,
                                       subject.size, to_string(subject.pass));
        });
}

std::string to_string(const TileSizes& sizes) {
    std::string text;
    for (const int size : sizes) add_to_list(text, std::to_string(size), ",");
    return text;
}

std::string candidate_name(const Subject& subject, const TileSizes& sizes) {
    std::string name = subject.name() + "_" + to_string(sizes);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '/' || c == ','; }, '_');
    return name;
}

}  // namespace sparsetrain::tune
