#include "kernels/zero_skip.h"

#include <algorithm>
#include <cstddef>

#include "conv_call.h"
#include "kernels/scratch.h"
#include "schedules/budgets.h"
#include "schedules/costs/cost_rows.h"

namespace sparsetrain::detail {

using schedules::pieces;

namespace {

// Channels that a pass sums over, and that it computes.
int channels_in(Pass pass, const WeightsShape& weights) {
    return pass == Pass::fwd ? weights.c : weights.k;
}
int channels_out(Pass pass, const WeightsShape& weights) {
    return pass == Pass::fwd ? weights.k : weights.c;
}

}  // namespace

bool ZeroSkipKernel::suits(const ConvShape& shape) const {
    return channels_in(pass, shape.weights()) <= row.most_channels &&
           channel_blocks(channels_out(pass, shape.weights())) % row.k_vectors == 0;
}

int ZeroSkipKernel::channels_of_cost(const ConvShape& shape) const {
    return channels_in(pass, shape.weights());
}

// (slab, r, group, k chunk).
Packing ZeroSkipKernel::packing(const WeightsShape& master) const {
    const int chunks = pieces(channel_blocks(channels_out(pass, master)), row.k_vectors);
    return {pack,
            {{row.group * master.s * row.k_vectors * kLanes, master.r,
              pieces(channels_in(pass, master), row.group), chunks},
             4}};
}

// The records of a tile's source rows, or the tile.
double ZeroSkipKernel::largest_scratch(const ConvShape& shape, int threads) const {
    const bool transposed = pass == Pass::bwd_data, sampled = shape.filter_w < shape.stride;
    const Shape in = transposed ? shape.dst() : shape.src, out = transposed ? shape.src : shape.dst();
    const int images = images_per_tile(row, out, threads);
    const double row_bytes = product(kWordBytes, kLanes, out.w, row.k_vectors);
    const int out_rows = std::clamp(static_cast<int>(tile_bytes / row_bytes), 1, std::min(row.rows, out.h));

    const int stride = sampled ? 1 : shape.stride, step = sampled ? shape.stride : 1;
    const int in_w = transposed ? in.w : pieces(in.w, step), in_h = transposed ? in.h : pieces(in.h, step);
    const int tile_rows = transposed ? pieces(out_rows - 1, step) + 1 : out_rows;
    const int in_rows = transposed ? pieces(tile_rows - 1 + shape.filter_h, stride)
                                   : (tile_rows - 1) * stride + shape.filter_h;
    const int phases = transposed ? 1 : stride;
    const double records =
        product(kWordBytes, pieces(in_w, phases), phases, schedules::record_words(row.group),
                std::min(in_rows, in_h), pieces(channel_blocks(in.c) * kLanes, row.group), images);

    const int left = shape.padding.left;
    const int columns = transposed
                            ? std::max((in_w - 1) * stride + shape.filter_w, pieces(out.w, step) + left)
                            : (in_w - 1 + left) / stride - (left - shape.filter_w + stride) / stride + 2;
    const double tile = product(kWordBytes, kLanes, row.k_vectors, columns, tile_rows, images);
    return std::max(records, tile);
}

void ZeroSkipKernel::run(const ConvCall& call) const {
    const Shape out = pass == Pass::fwd ? call.shape.dst() : call.shape.src;
    pipelines.run(*this, call, images_per_tile(row, out, threads_for_call(call.workspace)));
}

const char* ZeroSkipWeightsKernel::cost_is_of(const ConvShape& shape) const {
    return shape.src.n > 1 && shape.src.w <= schedules::kNarrowWidth ? schedules::kNarrowImages : blocking;
}

// Threads share the batch, for which each needs sums of its own, as many as fit a budget; what remains shares
// the channels of the operand that is not scanned, for which each has to look at all of the scanned one.
// Where sums are larger than that, as in deep layers with small images, threads share the channels alone. A
// thread's share is cut further where its sums would go to memory and back: what a core may hope for of L3 is
// no more.
ZeroSkipWeightsKernel::Tasks ZeroSkipWeightsKernel::tasks(const ConvShape& shape, int threads) const {
    constexpr std::size_t kPartsBytes = std::size_t{256} << 20, kTaskBytes = std::size_t{5} << 20;
    const bool scans_src = skips == Skips::src;
    const std::size_t sums = shape.weights().elements();
    const int chunks = pieces(channel_blocks(scans_src ? shape.k : shape.src.c), row.k_vectors);
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

// The sums of all parts of the batch, for a task's channels.
double ZeroSkipWeightsKernel::largest_scratch(const ConvShape& shape, int threads) const {
    const Tasks cut = tasks(shape, threads);
    const int scanned = channel_blocks(skips == Skips::src ? shape.src.c : shape.k);
    return product(kWordBytes, kLanes, kLanes, shape.filter_h, shape.filter_w, row.k_vectors, scanned,
                   cut.chunks_per_task, pieces(shape.src.n, cut.images_per_part));
}

void ZeroSkipWeightsKernel::run(const ConvCall& call) const {
    const Tasks cut = tasks(call.shape, threads_for_call(call.workspace));
    const Padding& padding = call.shape.padding;
    call_pipeline(call.function, pipeline, call.workspace, call.src, call.dst, padding.top, padding.left,
                  cut.images_per_part, cut.chunks_per_task, *call.diff_weights);
}

}  // namespace sparsetrain::detail
