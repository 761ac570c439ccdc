// What the runtime knows of a layer class: its compiled pipelines and the rows that shaped them. One instance
// per class and microarchitecture, generated from layer_class.cpp.in.
#pragma once

#include <HalideRuntime.h>

#include <span>

#include "schedules/rows.h"
#include "sparsetrain/library.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::detail {

// (context, src, weights, bias, pad_top, pad_left, images, channels, dst); in bwd_data, src is diff_dst and
// dst is diff_src. `images`: how many share a task, of zero_skip; how many may at most, of dense. `channels`:
// of dst, whose last block they may not fill.
using ConvPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, halide_buffer_t*, int, int, int,
                             int, halide_buffer_t*);
// The same with a mask: fwd's ReLU makes one, (..., dst, dst_mask); bwd_data is given one, (..., relu_mask,
// dst).
using ConvMaskPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, halide_buffer_t*, int, int,
                                 int, int, halide_buffer_t*, halide_buffer_t*);
// (context, diff_dst, weights, relu_mask, pad_top, pad_left, images_per_tile, diff_src)
using OutputMaskPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, halide_buffer_t*, int,
                                   int, int, halide_buffer_t*);
// (context, src, diff_dst, pad_top, pad_left, diff_weights)
using DenseWeightsPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, int, int,
                                     halide_buffer_t*);
// (context, src, diff_dst, pad_top, pad_left, images_per_part, chunks_per_task, diff_weights)
using ZeroSkipWeightsPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, int, int, int, int,
                                        halide_buffer_t*);
// (context, master, packed)
using PackPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*);

// The dense pipelines of one pass: for any image and, at stride 1, for images that are a whole number of
// tiles wide, in src as in dst.
template <typename Pipeline>
struct DensePipelines {
    Pipeline any, whole = nullptr;
    int tile_width = 0, whole_pad_left = 0;

    Pipeline for_images(int src_width, int dst_width, int pad_left) const {
        const bool is_whole = whole != nullptr && src_width == dst_width && dst_width % tile_width == 0 &&
                              pad_left == whole_pad_left;
        return is_whole ? whole : any;
    }
};

// zero_skip with one of the blockings of a pass.
struct ScatterKernel {
    schedules::ScatterRow row;
    ConvPipeline plain;
    ConvMaskPipeline with_mask;
    PackPipeline pack;
};

// What fwd and bwd_data have alike.
struct ConvKernels {
    DensePipelines<ConvPipeline> dense;
    DensePipelines<ConvMaskPipeline> dense_with_mask;
    PackPipeline dense_pack = nullptr;  // null: reads the master weights
    schedules::DenseRow dense_row{};
    std::span<const ScatterKernel> zero_skip{};  // none: the class has no zero_skip

    // The blocking for a convolution, as ScatterRow says, of a class that has zero_skip.
    const ScatterKernel& zero_skip_for(int channels_in, int channels_out) const {
        for (const ScatterKernel& kernel : zero_skip) {
            if (channels_in <= kernel.row.most_channels &&
                channel_blocks(channels_out) % kernel.row.k_vectors == 0) {
                return kernel;
            }
        }
        return zero_skip.back();
    }

    // From how many percent of zeros on zero_skip is worth it for a convolution: never, if there is none.
    double zero_skip_crossover(int channels_in, int channels_out) const {
        return zero_skip.empty() ? 100.0
                                 : zero_skip_for(channels_in, channels_out).row.crossover.at(channels_in);
    }
};

struct OutputMaskKernel {
    schedules::OutputMaskRow row;
    OutputMaskPipeline run;
    PackPipeline pack;
};

// The zero_skip pipelines of bwd_weights, by the operand whose zeros they skip.
struct ZeroSkipWeightsPipelines {
    ZeroSkipWeightsPipeline src, diff_dst;

    ZeroSkipWeightsPipeline for_operand(Operand skipped) const {
        return skipped == Operand::src ? src : diff_dst;
    }
};

// What a class lacks (see LayerClassInfo) is null.
struct LayerClass {
    const char* uarch;
    LayerClassInfo info;

    DenseWeightsPipeline bwd_weights_dense;
    schedules::DenseWeightsRow bwd_weights_dense_row;
    ConvKernels fwd, bwd_data{};
    OutputMaskKernel output_mask{};  // of bwd_data
    ZeroSkipWeightsPipelines bwd_weights_zero_skip{};
    schedules::PixelScanRow bwd_weights_row{};

    const ConvKernels& kernels(Pass pass) const { return pass == Pass::fwd ? fwd : bwd_data; }
};

// The classes linked into this program, for every microarchitecture.
std::span<const LayerClass* const> all_linked_layer_classes();

// Those of the microarchitecture whose kernels this process runs. Throws Error(unsupported) if there is none.
std::span<const LayerClass* const> linked_layer_classes();

}  // namespace sparsetrain::detail
