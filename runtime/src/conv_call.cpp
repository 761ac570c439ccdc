#include "conv_call.h"

#include <algorithm>

#include "kernels/conv_pipelines.h"
#include "workspace_impl.h"

namespace sparsetrain::detail {

namespace {

// The bias in memory that grows only, so that calls allocate none.
const float* in_whole_blocks(std::span<const float> bias, int channels, AlignedArray<float>& memory) {
    const auto padded = static_cast<std::size_t>(channel_blocks(channels)) * kLanes;
    if (memory.size() < padded) memory = AlignedArray<float>(padded);
    float* const end = std::copy(bias.begin(), bias.end(), memory.data());
    std::fill(end, memory.data() + padded, 0.0F);
    return memory.data();
}

}  // namespace

BiasBuffer::BiasBuffer(std::span<const float> bias, int channels, Workspace& workspace)
    : values_(in_whole_blocks(bias, channels, workspace.impl().bias)),
      buffer_(values_, {kLanes, channel_blocks(channels)}) {}

PackedBuffer::PackedBuffer(const ConvKernel& kernel, const ConvCall& call) {
    PackedWeights::Impl& weights = call.weights->impl();
    const Packing packing = kernel.packing(weights.master.shape);
    describe(weights.get(packing, call.workspace), packing.extents, dims_, buffer_);
}

void ConvPipelines::run(const ConvKernel& kernel, const ConvCall& call, int images) const {
    const bool forward = kernel.pass == Pass::fwd;
    TensorBuffer &in = forward ? call.src : call.dst, &out = forward ? call.dst : call.src;
    const Padding& padding = call.shape.padding;
    PackedBuffer weights(kernel, call);
    const auto run = [&](auto pipeline, auto&... buffers) {
        call_pipeline(call.function, pipeline, call.workspace, in, weights, *call.bias, padding.top,
                      padding.left, images, forward ? call.shape.k : call.shape.src.c, buffers...);
    };
    switch (call.epilogue) {
        case Epilogue::plain:
            return run(plain, out);
        case Epilogue::relu:
            return run(with_mask, out, *call.mask);
        case Epilogue::masked:
            return run(with_mask, *call.mask, out);
    }
}

}  // namespace sparsetrain::detail
