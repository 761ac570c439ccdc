// What the runtime knows of a layer class: its compiled pipelines and the rows that shaped them. One instance
// per class, generated from layer_class.cpp.in.
#pragma once

#include <HalideRuntime.h>

#include <span>

#include "schedules/rows.h"
#include "sparsetrain/library.h"
#include "sparsetrain/workspace.h"

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

// The dense pipelines of one pass: for images up to `narrow_width` output pixels wide, and for wider ones.
template <typename Pipeline>
struct DensePipelines {
    Pipeline wide, narrow;
    int narrow_width;

    Pipeline for_width(int dst_width) const { return dst_width <= narrow_width ? narrow : wide; }
};

// The zero_skip pipelines of bwd_weights, by the operand whose zeros they skip.
struct ZeroSkipWeightsPipelines {
    ZeroSkipWeightsPipeline src, diff_dst;

    ZeroSkipWeightsPipeline for_operand(Operand skipped) const {
        return skipped == Operand::src ? src : diff_dst;
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
    ZeroSkipWeightsPipelines bwd_weights_zero_skip;
    schedules::PixelScanRow bwd_weights_row;
};

// The classes linked into this program; defined in the generated registry.
std::span<const LayerClass* const> linked_layer_classes();

}  // namespace sparsetrain::detail
