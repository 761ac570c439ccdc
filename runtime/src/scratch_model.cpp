#include "scratch_model.h"

#include <algorithm>

#include "convolve.h"

namespace sparsetrain::detail {

namespace {

int pieces(int length, int size) {
    return (length + size - 1) / size;
}

template <typename... Extents>
double product(Extents... extents) {
    return (static_cast<double>(extents) * ...);
}

constexpr double kWordBytes = 4;  // of floats, as of the words of records

// A block of dense: whole rows, and whole images where those are small.
struct Block {
    int rows, images;

    Block(int pixels, const Shape& out, int most_images)
        : rows(std::clamp(pixels / out.w, 1, out.h)),
          images(static_cast<int>(
              std::clamp<long>(pixels / (static_cast<long>(out.w) * rows), 1, most_images))) {}
};

// fwd, and bwd_data at stride 1: the copy of a block's source with its padding. Images that are whole tiles
// do without, but hardly any wider ones than others, as bwd_weights has its copy, too.
double dense_copy(const schedules::DenseRow& row, const LayerClassInfo& info, const Shape& in,
                  const Shape& out, int threads) {
    const Block block(row.pixels, out, images_per_thread(out, threads));
    const int columns = (pieces(out.w, row.x_tile) * row.x_tile - 1) * info.stride + info.filter_w;
    const int rows = (block.rows - 1) * info.stride + info.filter_h;
    return product(kWordBytes, kLanes, columns, rows, channel_blocks(in.c), block.images);
}

// bwd_data at a stride above 1: the same of diff_dst; of a 1x1 filter, the sums of a block.
double transposed_block(const schedules::DenseRow& row, const ConvShape& shape, int threads) {
    const Block block(row.pixels, shape.src, images_per_thread(shape.src, threads));
    const int stride = shape.stride, tiles = pieces(shape.src.w, row.x_tile * stride);
    if (shape.filter_h == 1 && shape.filter_w == 1) {
        return product(kWordBytes, kLanes, row.x_tile, tiles, pieces(block.rows - 1, stride) + 1,
                       row.k_vectors, block.images);
    }
    const int columns =
        tiles * row.x_tile + (stride - 1 + shape.padding.left) / stride + pieces(shape.filter_w, stride) - 1;
    const int rows = std::min(pieces(block.rows - 1, stride) + pieces(shape.filter_h, stride), shape.dst().h);
    return product(kWordBytes, kLanes, columns, rows, channel_blocks(shape.k), block.images);
}

double by_dense(const LayerClass& layer_class, const ConvShape& shape, Pass pass, int threads) {
    const schedules::DenseRow& row = layer_class.kernels(pass).dense_row;
    if (pass == Pass::bwd_data && shape.stride > 1) return transposed_block(row, shape, threads);
    if (shape.filter_h == 1 && shape.filter_w == 1) return 0;
    return pass == Pass::fwd ? dense_copy(row, layer_class.info, shape.src, shape.dst(), threads)
                             : dense_copy(row, layer_class.info, shape.dst(), shape.src, threads);
}

// bwd_weights: the copy of a block's part of src with its padding.
double weights_by_dense(const schedules::DenseWeightsRow& row, const ConvShape& shape) {
    if (shape.filter_h == 1 && shape.filter_w == 1) return 0;
    const Shape out = shape.dst();
    const Block block(row.pixels, out, out.n);
    // The last part of a filter row is computed as a whole one.
    const int filter_columns = pieces(shape.filter_w, row.tap_columns) * row.tap_columns;
    const int columns = (out.w - 1) * shape.stride + filter_columns;
    const int rows = (block.rows - 1) * shape.stride + shape.filter_h;
    return product(kWordBytes, kLanes, columns, rows, channel_blocks(shape.src.c), block.images);
}

// fwd and bwd_data: the records of a tile's source rows, or the tile.
double by_zero_skip(const LayerClass& layer_class, const ConvShape& shape, Pass pass, int threads) {
    constexpr int kTileBytes = 448 * 1024;
    const bool transposed = pass == Pass::bwd_data, sampled = shape.filter_w < shape.stride;
    const Shape in = transposed ? shape.dst() : shape.src, out = transposed ? shape.src : shape.dst();
    const schedules::ScatterRow& row = layer_class.kernels(pass).zero_skip_for(in.c, out.c).row;
    const int images = images_per_tile(row, out, threads);
    const double row_bytes = product(kWordBytes, kLanes, out.w, row.k_vectors);
    const int out_rows = std::clamp(static_cast<int>(kTileBytes / row_bytes), 1, std::min(row.rows, out.h));

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

// bwd_weights: the sums of all parts of the batch, for a task's channels.
double weights_by_zero_skip(const LayerClass& layer_class, const ConvShape& shape, Operand skipped,
                            int threads) {
    const WeightsTasks tasks = weights_tasks(shape, layer_class, skipped, threads);
    const int scanned = channel_blocks(skipped == Operand::src ? shape.src.c : shape.k);
    return product(kWordBytes, kLanes, kLanes, shape.filter_h, shape.filter_w,
                   layer_class.bwd_weights_row.k_vectors, scanned, tasks.chunks_per_task,
                   pieces(shape.src.n, tasks.images_per_part));
}

// diff_bias: the sums of each image.
double channel_sums(const ConvShape& shape) {
    return product(kWordBytes, kLanes, channel_blocks(shape.k), shape.src.n);
}

}  // namespace

double largest_scratch(const LayerClass& layer_class, const ConvShape& shape, Pass pass, Kernel kernel,
                       int threads) {
    if (kernel == Kernel::output_mask) return 0;
    if (pass != Pass::bwd_weights) {
        return kernel == Kernel::dense ? by_dense(layer_class, shape, pass, threads)
                                       : by_zero_skip(layer_class, shape, pass, threads);
    }
    if (kernel == Kernel::dense)
        return std::max(weights_by_dense(layer_class.bwd_weights_dense_row, shape), channel_sums(shape));
    return std::max({weights_by_zero_skip(layer_class, shape, Operand::src, threads),
                     weights_by_zero_skip(layer_class, shape, Operand::diff_dst, threads),
                     channel_sums(shape)});
}

}  // namespace sparsetrain::detail
