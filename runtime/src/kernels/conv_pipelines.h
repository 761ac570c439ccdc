// The pipelines of fwd or bwd_data by epilogue: plain, and the pass's own with a mask.
#pragma once

#include <HalideRuntime.h>

namespace sparsetrain::detail {

struct ConvCall;
class ConvKernel;

// (context, src, weights, bias, pad_top, pad_left, images, channels, dst); in bwd_data, src is diff_dst and
// dst is diff_src. `images`: how many share a task, of zero_skip; how many may at most, of dense. `channels`:
// of dst, whose last block they may not fill.
using ConvPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, halide_buffer_t*, int, int, int,
                             int, halide_buffer_t*);
// The same with a mask: fwd's ReLU makes one, (..., dst, dst_mask); bwd_data is given one, (..., relu_mask,
// dst).
using ConvMaskPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, halide_buffer_t*, int, int,
                                 int, int, halide_buffer_t*, halide_buffer_t*);

struct ConvPipelines {
    ConvPipeline plain = nullptr;
    ConvMaskPipeline with_mask = nullptr;

    void run(const ConvKernel& kernel, const ConvCall& call, int images) const;
};

}  // namespace sparsetrain::detail
