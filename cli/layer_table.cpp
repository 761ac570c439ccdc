#include "cli/layer_table.h"

#include <array>
#include <cstdio>

namespace sparsetrain::cli {
namespace {

constexpr const char* kTotalName = "all but the first";

std::string format_shape(const ConvShape& shape) {
    const Shape& src = shape.src;
    return std::to_string(src.n) + "x" + std::to_string(src.c) + "x" + std::to_string(src.h) + "x" +
           std::to_string(src.w) + " -> " + std::to_string(shape.k);
}

std::string format_row(const std::string& name, const std::string& shape, const std::string& zeros,
                       const std::string& kernel, const std::string& times) {
    std::array<char, 256> row{};
    std::snprintf(row.data(), row.size(), "%-18s %-22s %-16s %-32s %s\n", name.c_str(), shape.c_str(),
                  zeros.c_str(), kernel.c_str(), times.c_str());
    return row.data();
}

std::string format_kernel(const std::string& pass, const std::string& kernel, const std::string& skipped) {
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "%-11s %-11s %-8s", pass.c_str(), kernel.c_str(),
                  skipped.c_str());
    return text.data();
}

const char* skipped_of(const PassReport& pass) {
    return pass.skips ? to_string(pass.skipped) : "-";
}

std::string format_zeros(const LayerReport& layer) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%5.1f %9.1f", layer.zeros_src, layer.zeros_diff_dst);
    return text.data();
}

std::string format_times(double chosen_ms, double dense_ms, const char* remark) {
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "%9.2f %9.2f %7.2fx%s", chosen_ms, dense_ms, dense_ms / chosen_ms,
                  remark);
    return text.data();
}

std::string format_layer(const LayerReport& layer) {
    std::string rows;
    for (const PassReport& pass : layer.passes) {
        const bool first = rows.empty();
        rows += format_row(
            first ? layer.name : "", first ? format_shape(layer.shape) : "", first ? format_zeros(layer) : "",
            format_kernel(to_string(pass.pass), to_string(pass.kernel), skipped_of(pass)),
            format_times(pass.chosen_ms, pass.dense_ms, layer.counted() ? "" : "  not counted"));
    }
    return rows;
}

std::string format_heading(const std::string& policy) {
    std::array<char, 96> times{};
    std::snprintf(times.data(), times.size(), "%9s %9s  speedup", (policy + " ms").c_str(), "dense ms");
    return std::string(42, ' ') + "zeros in %\n" +
           format_row("convolution", "src -> K", "  src  diff_dst", format_kernel("pass", "kernel", "skips"),
                      times.data());
}

}  // namespace

std::string format_layer_table(const std::vector<LayerReport>& layers, const std::string& policy) {
    std::string table = format_heading(policy);
    for (const LayerReport& layer : layers) table += format_layer(layer);
    const TotalReport total = total_of(layers);
    return table + format_row(kTotalName, "", "", "", format_times(total.chosen_ms, total.dense_ms, ""));
}

}  // namespace sparsetrain::cli
