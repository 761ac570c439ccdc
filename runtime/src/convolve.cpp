#include "convolve.h"

#include <cstddef>

namespace sparsetrain::detail {

// Threads share the batch, for which each needs sums of its own, as many as fit a budget; what remains shares
// the channels of the operand that is not scanned, for which each has to look at all of the scanned one.
// Where sums are larger than that, as in deep layers with small images, threads share the channels alone. A
// thread's share is cut further where its sums would go to memory and back: what a core may hope for of L3 is
// no more.
WeightsTasks weights_tasks(const ConvShape& shape, const LayerClass& layer_class, Operand skipped,
                           int threads) {
    constexpr std::size_t kPartsBytes = std::size_t{256} << 20, kTaskBytes = std::size_t{5} << 20;
    const auto pieces = [](int length, int size) { return (length + size - 1) / size; };
    const bool scans_src = skipped == Operand::src;
    const std::size_t sums = shape.weights().elements();
    const int chunks =
        pieces(channel_blocks(scans_src ? shape.k : shape.src.c), layer_class.bwd_weights_row.k_vectors);
    int parts = 1;
    if (chunks < threads || sums <= (scans_src ? shape.src : shape.dst()).elements()) {
        const std::size_t affordable = kPartsBytes / (sums * sizeof(float));
        parts =
            std::min({threads, shape.src.n, static_cast<int>(std::clamp<std::size_t>(affordable, 1, 256))});
    }
    const int images_per_part = pieces(shape.src.n, parts);
    const int share = pieces(chunks, pieces(threads, parts));
    const int in_cache = std::max(1, static_cast<int>(kTaskBytes * chunks / (sums * sizeof(float))));
    return {images_per_part, pieces(share, pieces(share, in_cache))};
}

void backward_weights_zero_skip(const ConvShape& shape, const LayerClass& layer_class, Operand skipped,
                                TensorBuffer& src, TensorBuffer& diff_dst, WeightsBuffer& diff_weights,
                                Workspace& workspace) {
    const WeightsTasks tasks = weights_tasks(shape, layer_class, skipped, threads_for_call(workspace));
    call_pipeline("Conv2d::backward_weights", layer_class.bwd_weights_zero_skip.for_operand(skipped),
                  workspace, src, diff_dst, shape.padding.top, shape.padding.left, tasks.images_per_part,
                  tasks.chunks_per_task, diff_weights);
}

}  // namespace sparsetrain::detail
