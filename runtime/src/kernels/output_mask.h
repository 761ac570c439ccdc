// `output_mask`: skips the results of bwd_data that the backward of the ReLU before would replace by zero.
#pragma once

#include "conv_kernel.h"
#include "schedules/rows.h"

namespace sparsetrain::detail {

// (context, diff_dst, weights, relu_mask, pad_top, pad_left, images_per_tile, diff_src)
using OutputMaskPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, halide_buffer_t*, int,
                                   int, int, halide_buffer_t*);

class OutputMaskKernel final : public ConvKernel {
  public:
    constexpr OutputMaskKernel(Pass its_pass, const schedules::OutputMaskRow& its_row, PackPipeline its_pack,
                               OutputMaskPipeline its_pipeline)
        : ConvKernel(Kernel::output_mask, its_pass, Skips::results),
          row(its_row),
          pipeline(its_pipeline),
          pack(its_pack) {}

    int channels_of_cost(const ConvShape& shape) const override { return shape.k; }
    Packing packing(const WeightsShape& master) const override;
    double largest_scratch(const ConvShape& /*shape*/, int /*threads*/) const override { return 0; }
    void run(const ConvCall& call) const override;

    schedules::OutputMaskRow row;
    OutputMaskPipeline pipeline;
    PackPipeline pack;
};

}  // namespace sparsetrain::detail
