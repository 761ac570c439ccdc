#include "kernels/dense.h"

#include <algorithm>

#include "conv_call.h"
#include "kernels/scratch.h"
#include "schedules/budgets.h"

namespace sparsetrain::detail {

using schedules::pieces;

namespace {

// A block of dense: whole rows, and whole images where those are small.
struct Block {
    int rows, images;

    Block(int pixels, const Shape& out, int most_images)
        : rows(std::clamp(pixels / out.w, 1, out.h)),
          images(static_cast<int>(
              std::clamp<long>(pixels / (static_cast<long>(out.w) * rows), 1, most_images))) {}
};

bool is_pointwise(const ConvShape& shape) {
    return shape.filter_h == 1 && shape.filter_w == 1;
}

// fwd, and bwd_data at stride 1: the copy of a block's source with its padding. Images that are whole tiles
// do without, but hardly any wider ones than others, as bwd_weights has its copy, too.
double copy_of_block(const schedules::DenseRow& row, const ConvShape& shape, const Shape& in,
                     const Shape& out, int threads) {
    const Block block(row.pixels, out, images_per_thread(out, threads));
    const int columns = (pieces(out.w, row.x_tile) * row.x_tile - 1) * shape.stride + shape.filter_w;
    const int rows = (block.rows - 1) * shape.stride + shape.filter_h;
    return product(kWordBytes, kLanes, columns, rows, channel_blocks(in.c), block.images);
}

// bwd_data at a stride above 1: the same of diff_dst; of a 1x1 filter, the sums of a block.
double transposed_block(const schedules::DenseRow& row, const ConvShape& shape, int threads) {
    const Block block(row.pixels, shape.src, images_per_thread(shape.src, threads));
    const int stride = shape.stride, tiles = pieces(shape.src.w, row.x_tile * stride);
    if (is_pointwise(shape)) {
        return product(kWordBytes, kLanes, row.x_tile, tiles, pieces(block.rows - 1, stride) + 1,
                       row.k_vectors, block.images);
    }
    const int columns =
        tiles * row.x_tile + (stride - 1 + shape.padding.left) / stride + pieces(shape.filter_w, stride) - 1;
    const int rows = std::min(pieces(block.rows - 1, stride) + pieces(shape.filter_h, stride), shape.dst().h);
    return product(kWordBytes, kLanes, columns, rows, channel_blocks(shape.k), block.images);
}

// Few channels: the copy of a block's source by channels, whose rows are copied in vectors of 4.
double copied_planes(const ConvShape& shape, const Block& block, int columns, int filter_rows) {
    const int rows = (block.rows - 1) * shape.stride + filter_rows;
    return product(kWordBytes, std::max(columns, 4), shape.src.c, rows, block.images);
}

}  // namespace

// In the master's order, for bwd_data with K and C exchanged.
Packing DenseKernel::packing(const WeightsShape& master) const {
    const int c_blocks = channel_blocks(master.c), k_blocks = channel_blocks(master.k);
    const bool forward = pass == Pass::fwd;
    return {
        pack,
        {{kLanes, kLanes, master.s, master.r, forward ? c_blocks : k_blocks, forward ? k_blocks : c_blocks},
         6}};
}

double DenseKernel::largest_scratch(const ConvShape& shape, int threads) const {
    if (pass == Pass::bwd_data && shape.stride > 1) return transposed_block(row, shape, threads);
    if (is_pointwise(shape)) return 0;
    return pass == Pass::fwd ? copy_of_block(row, shape, shape.src, shape.dst(), threads)
                             : copy_of_block(row, shape, shape.dst(), shape.src, threads);
}

void DenseKernel::run(const ConvCall& call) const {
    const ConvShape& shape = call.shape;
    const Shape dst = shape.dst(), &out = pass == Pass::fwd ? dst : shape.src;
    const bool is_whole = whole.plain != nullptr && shape.src.w == dst.w && dst.w % row.x_tile == 0 &&
                          shape.padding.left == (shape.filter_w - 1) / 2;
    const int threads = threads_for_call(call.workspace);
    const Block block(row.pixels, out, images_per_thread(out, threads));
    (is_whole ? whole : any).run(*this, call, images_of_equal_parts(out, block.images, threads));
}

// The copy of a block's part of src with its padding.
double DenseWeightsKernel::largest_scratch(const ConvShape& shape, int /*threads*/) const {
    if (is_pointwise(shape)) return 0;
    const Shape out = shape.dst();
    const Block block(row.pixels, out, out.n);
    // The last part of a filter row is computed as a whole one.
    const int filter_columns = pieces(shape.filter_w, row.tap_columns) * row.tap_columns;
    const int columns = (out.w - 1) * shape.stride + filter_columns;
    const int rows = (block.rows - 1) * shape.stride + shape.filter_h;
    return product(kWordBytes, kLanes, columns, rows, channel_blocks(shape.src.c), block.images);
}

void DenseWeightsKernel::run(const ConvCall& call) const {
    const Padding& padding = call.shape.padding;
    call_pipeline(call.function, pipeline, call.workspace, call.src, call.dst, padding.top, padding.left,
                  *call.diff_weights);
}

// Without the lanes that pad input channels: of a filter row, one row per channel.
Packing DensePlanarKernel::packing(const WeightsShape& master) const {
    return {pack, {{kLanes, master.s, master.r * master.c, channel_blocks(master.k)}, 4}};
}

double DensePlanarKernel::largest_scratch(const ConvShape& shape, int threads) const {
    const Shape out = shape.dst();
    const Block block(row.pixels, out, images_per_thread(out, threads));
    const int columns = (pieces(out.w, row.x_tile) * row.x_tile - 1) * shape.stride + shape.filter_w;
    return copied_planes(shape, block, columns, shape.filter_h);
}

void DensePlanarKernel::run(const ConvCall& call) const {
    const Shape out = call.shape.dst();
    const int threads = threads_for_call(call.workspace);
    const Block block(row.pixels, out, images_per_thread(out, threads));
    pipelines.run(*this, call, images_of_equal_parts(out, block.images, threads));
}

// The copy, or all sums, before they become the master's.
double DensePlanarWeightsKernel::largest_scratch(const ConvShape& shape, int /*threads*/) const {
    const Shape out = shape.dst();
    const int plane_rows = shape.filter_h * shape.src.c;
    // The last part of a filter row, or of the rows, is computed as a whole one.
    const int filter_columns = pieces(shape.filter_w, row.tap_columns) * row.tap_columns;
    const int filter_rows = pieces(pieces(plane_rows, row.tap_rows) * row.tap_rows, shape.src.c);
    const double copy = copied_planes(shape, Block(row.pixels, out, out.n),
                                      (out.w - 1) * shape.stride + filter_columns, filter_rows);
    return std::max(copy, product(kWordBytes, kLanes, shape.filter_w, plane_rows, channel_blocks(shape.k)));
}

void DensePlanarWeightsKernel::run(const ConvCall& call) const {
    const ConvShape& shape = call.shape;
    call_pipeline(call.function, pipeline, call.workspace, call.src, call.dst, shape.padding.top,
                  shape.padding.left, shape.src.c, *call.diff_weights);
}

}  // namespace sparsetrain::detail
