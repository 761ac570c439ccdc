// A layer class that the library does not ship, compiled by this project: 5x5 at stride 2, all passes.
#include <cstdio>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/library.h"

using namespace sparsetrain;

static void print_run(const RunStatistics& run) {
    std::printf("%-11s %-11s %.0f %% zeros in %s\n", to_string(run.pass), to_string(run.kernel), run.zeros,
                to_string(run.skipped));
}

int main() {
    for (const LayerClassInfo& layer : layer_classes()) std::printf("%s\n", layer.name);

    const ConvShape shape{
        .src = {4, 64, 28, 28}, .k = 64, .filter_h = 5, .filter_w = 5, .stride = 2, .padding = {2, 2, 2, 2}};
    const Conv2d conv(shape);
    Workspace workspace;

    Tensor src(shape.src), diff_src(shape.src), dst(shape.dst()), diff_dst(shape.dst());
    Weights weights(shape.weights()), diff_weights(shape.weights());
    for (std::size_t i = 0; i < src.values().size(); i += 5) src.values()[i] = 1;  // 80 % zeros
    for (std::size_t i = 0; i < diff_dst.values().size(); i += 10) diff_dst.values()[i] = 1;
    for (float& value : weights.values()) value = 1;

    const PackedWeights packed(weights.view());
    print_run(conv.forward(src.view(), packed, {}, dst.view(), workspace));
    print_run(conv.backward_data(diff_dst.view(), packed, diff_src.view(), workspace));
    const RunStatistics run =
        conv.backward_weights(src.view(), diff_dst.view(), diff_weights.view(), {}, workspace);
    print_run(run);
    return run.zeros > 50 ? 0 : 1;
}
