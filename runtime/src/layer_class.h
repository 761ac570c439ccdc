// What the runtime knows of a layer class: its compiled pipelines and the rows that shaped them. One instance
// per class, generated from layer_class.cpp.in.
#pragma once

#include <HalideRuntime.h>

#include <span>

#include "schedules/rows.h"
#include "sparsetrain/library.h"

namespace sparsetrain::detail {

// (context, src, weights, bias, pad_top, pad_left, dst); in bwd_data, src is diff_dst and dst is diff_src.
using ConvPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, halide_buffer_t*, int, int,
                             halide_buffer_t*);
// The same with ReLU's mask behind dst.
using ConvReluPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, halide_buffer_t*, int, int,
                                 halide_buffer_t*, halide_buffer_t*);
// (context, src, diff_dst, pad_top, pad_left, diff_weights)
using DenseWeightsPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, int, int,
                                     halide_buffer_t*);
// (context, src, diff_dst, pad_top, pad_left, images_per_part, chunks_per_task, diff_weights)
using ZeroSkipWeightsPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, int, int, int, int,
                                        halide_buffer_t*);
// (context, master, packed)
using PackPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*);

// The dense pipelines of one pass: for any image, and for images that are a whole number of tiles wide, in
// src as in dst.
template <typename Pipeline>
struct DensePipelines {
    Pipeline any, whole;
    int tile_width, whole_pad_left;

    Pipeline for_images(int src_width, int dst_width, int pad_left) const {
        const bool is_whole =
            src_width == dst_width && dst_width % tile_width == 0 && pad_left == whole_pad_left;
        return is_whole ? whole : any;
    }
};

struct LayerClass {
    LayerClassInfo info;

    DensePipelines<ConvPipeline> fwd_dense;
    ConvPipeline fwd_zero_skip;
    DensePipelines<ConvReluPipeline> fwd_relu_dense;
    ConvReluPipeline fwd_relu_zero_skip;
    PackPipeline fwd_zero_skip_pack;
    schedules::ScatterRow fwd_row;

    DensePipelines<ConvPipeline> bwd_data_dense;
    ConvPipeline bwd_data_zero_skip;
    PackPipeline bwd_data_dense_pack, bwd_data_zero_skip_pack;
    schedules::ScatterRow bwd_data_row;

    DenseWeightsPipeline bwd_weights_dense;
    ZeroSkipWeightsPipeline bwd_weights_zero_skip;
    schedules::PixelScanRow bwd_weights_row;
};

// The classes linked into this program; defined in the generated registry.
std::span<const LayerClass* const> linked_layer_classes();

}  // namespace sparsetrain::detail
