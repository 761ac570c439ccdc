#include "tune/layers.h"

#include <algorithm>

#include "conv_class.h"
#include "kernels/zero_skip.h"
#include "sparsetrain/error.h"
#include "tune/text.h"
#include "verbose.h"

namespace sparsetrain::tune {
namespace {

// About 20 ms of a fast core. Small images all stay: they share tiles.
constexpr double kMostFlops = 4e9;

void take_images(bench::Layer& layer) {
    const double of_one = layer.shape.flops() / layer.shape.src.n;
    layer.shape.src.n = std::clamp(static_cast<int>(kMostFlops / of_one), 1, layer.shape.src.n);
}

const bench::Layer& find_layer(const std::vector<bench::Layer>& layers, const std::string& name,
                               const std::filesystem::path& file) {
    std::string all;
    for (const bench::Layer& layer : layers) {
        if (layer.name == name) return layer;
        add_to_list(all, layer.name);
    }
    throw Error(ErrorCode::invalid_argument,
                "--layer: expected, of " + file.string() + ", one of " + all + "; given " + name);
}

}  // namespace

std::vector<bench::Layer> read_layers(const std::filesystem::path& file,
                                      const std::vector<std::string>& names,
                                      const bench::ReportSkipped& report) {
    std::vector<bench::Layer> layers = bench::read_layers(file, report, [](bench::Layer& layer) {
        take_images(layer);
        bench::check_memory(layer, bench::machine_bytes());
        const Conv2d plan(layer.shape);  // throws for what the library does not support
    });
    if (names.empty()) return layers;
    std::vector<bench::Layer> named(names.size());
    std::transform(names.begin(), names.end(), named.begin(),
                   [&](const std::string& name) { return find_layer(layers, name, file); });
    return named;
}

std::string to_lines(const std::vector<bench::Layer>& layers) {
    std::string lines;
    for (const bench::Layer& layer : layers)
        lines += detail::problem_string(layer.shape) + "n\"" + layer.name + "\"\n";
    return lines;
}

bool is_of_class(const bench::Layer& layer, const Subject& subject) {
    const ConvShape& shape = layer.shape;
    return shape.filter_h == subject.size.filter_h && shape.filter_w == subject.size.filter_w &&
           shape.stride == subject.size.stride;
}

int channels_summed(const bench::Layer& layer, Pass pass) {
    return pass == Pass::bwd_data ? layer.shape.k : layer.shape.src.c;
}

namespace {

// That a convolution takes, whatever its rows are.
std::string blocking_of_dense(const ConvShape& shape, Pass pass) {
    return detail::kernels_of_plan(detail::find_class_of(shape), shape, Policy::dense, pass)
        .front()
        ->blocking;
}

}  // namespace

bool is_used(const Subject& subject, const bench::Layer& layer, const schedules::Tables& tables,
             const Replacements& replaced) {
    if (!is_of_class(layer, subject)) return false;
    if (subject.kernel == Kernel::dense)
        return subject.blocking == blocking_of_dense(layer.shape, subject.pass);
    if (!may_skip_zeros(layer)) return false;
    if (!subject.has_blockings()) return true;
    std::string used;  // the first blocking that suits, or the last
    bool suits = false;
    for (const Subject& other : all_subjects()) {
        if (!other.has_blockings() || !other.is_of(subject, subject.kernel)) continue;
        schedules::ZeroSkipRow row = row_of(other, tables, &schedules::Tables::zero_skip);
        const auto found = replaced.find(other.name());
        if (found != replaced.end()) row = with_sizes(row, found->second);
        if (suits) continue;
        used = other.blocking;
        suits = detail::ZeroSkipKernel(subject.pass, row, nullptr, {}, schedules::tile_bytes(tables.l2_bytes))
                    .suits(layer.shape);
    }
    return subject.blocking == used;
}

}  // namespace sparsetrain::tune
