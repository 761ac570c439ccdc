// From a plan's decision to a call of a pipeline: weights in the kernel's order, buffers, and how a call's
// work is cut into tasks.
#pragma once

#include <algorithm>
#include <span>

#include "halide_interface.h"
#include "layer_class.h"
#include "packed_weights_impl.h"

namespace sparsetrain::detail {

// Bias as the pipelines read it: whole blocks of 16, zero beyond the last channel.
class BiasBuffer {
  public:
    BiasBuffer(std::span<const float> bias, int channels)
        : values_(static_cast<std::size_t>(channel_blocks(channels)) * kLanes),
          buffer_(values_.data(), {kLanes, channel_blocks(channels)}) {
        std::copy(bias.begin(), bias.end(), values_.begin());
    }
    operator halide_buffer_t*() { return buffer_; }
    const float* values() const { return values_.data(); }

  private:
    AlignedArray<float> values_;
    Buffer<2> buffer_;
};

// How many images a task may have at most, so that all threads have some.
inline int images_per_thread(const Shape& out, int threads) {
    return (out.n + threads - 1) / threads;
}

// How many images share a tile: as many as make row.pixels pixels, within images_per_thread.
template <typename Row>
int images_per_tile(const Row& row, const Shape& out, int threads) {
    const int pixels = std::min(row.rows, out.h) * out.w;
    return std::clamp(row.pixels / pixels, 1, images_per_thread(out, threads));
}

// What fwd and bwd_data convolve: `in` to `out`, with the padding of src.
struct Convolution {
    const char* function;
    Pass pass;
    ConstTensorView in;
    Shape out;
    int pad_top, pad_left;
};

// By dense or zero_skip. Behind what all pipelines take come `buffers`: dst, or one of the forms of
// ConvMaskPipeline.
template <typename... Buffers>
void convolve(const Convolution& conv, const LayerClass& layer_class, Kernel kernel,
              const PackedWeights& weights, BiasBuffer& bias, Workspace& workspace, Buffers&&... buffers) {
    const ConvKernels& kernels = layer_class.kernels(conv.pass);
    constexpr bool with_mask = sizeof...(Buffers) == 2;
    const float* packed = weights.impl().get(layer_class, conv.pass, kernel, workspace);
    TensorBuffer in(conv.in);
    if (kernel == Kernel::dense) {
        const WeightsShape& m = weights.master().shape;
        WeightsBuffer oriented(
            ConstWeightsView{packed, conv.pass == Pass::fwd ? m : WeightsShape{m.c, m.k, m.r, m.s}});
        const auto run = [&](const auto& pipelines) {
            call_pipeline(conv.function, pipelines.for_images(conv.in.shape.w, conv.out.w, conv.pad_left),
                          workspace, in, oriented, bias, conv.pad_top, conv.pad_left,
                          images_per_thread(conv.out, threads_for_call(workspace)), conv.out.c, buffers...);
        };
        if constexpr (with_mask) {
            run(kernels.dense_with_mask);
        } else {
            run(kernels.dense);
        }
        return;
    }
    const ScatterKernel& scatter = kernels.zero_skip_for(conv.in.shape.c, conv.out.c);
    Buffer<4> oriented(packed, packed_extents(scatter.row, layer_class.info, conv.in.shape.c, conv.out.c));
    const auto run = [&](auto pipeline) {
        call_pipeline(conv.function, pipeline, workspace, in, oriented, bias, conv.pad_top, conv.pad_left,
                      images_per_tile(scatter.row, conv.out, threads_for_call(workspace)), conv.out.c,
                      buffers...);
    };
    if constexpr (with_mask) {
        run(scatter.with_mask);
    } else {
        run(scatter.plain);
    }
}

// By output_mask.
inline void convolve_by_mask(const Convolution& conv, const LayerClass& layer_class,
                             const PackedWeights& weights, ConstMaskView relu_mask, Workspace& workspace,
                             TensorBuffer& out) {
    const OutputMaskKernel& kernel = layer_class.output_mask;
    Buffer<3> packed(weights.impl().get(layer_class, conv.pass, Kernel::output_mask, workspace),
                     packed_extents(kernel.row, layer_class.info, weights.master().shape));
    TensorBuffer in(conv.in);
    MaskBuffer mask(relu_mask);
    call_pipeline(conv.function, kernel.run, workspace, in, packed, mask, conv.pad_top, conv.pad_left,
                  images_per_tile(kernel.row, conv.out, threads_for_call(workspace)), out);
}

// How bwd_weights by zero_skip is cut: the batch into parts, which have sums of their own, and the channels
// of the operand that is not scanned into tasks.
struct WeightsTasks {
    int images_per_part, chunks_per_task;
};
WeightsTasks weights_tasks(const ConvShape& shape, const LayerClass& layer_class, Operand skipped,
                           int threads);

// bwd_weights by zero_skip of one operand.
void backward_weights_zero_skip(const ConvShape& shape, const LayerClass& layer_class, Operand skipped,
                                TensorBuffer& src, TensorBuffer& diff_dst, WeightsBuffer& diff_weights,
                                Workspace& workspace);

}  // namespace sparsetrain::detail
