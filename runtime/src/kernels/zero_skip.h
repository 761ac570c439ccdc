// `zero_skip`: skips the products of an operand's zeros.
#pragma once

#include "conv_kernel.h"
#include "kernels/conv_pipelines.h"
#include "schedules/rows.h"

namespace sparsetrain::detail {

// fwd and bwd_data, with one of the blockings of a pass.
class ZeroSkipKernel final : public ConvKernel {
  public:
    constexpr ZeroSkipKernel(Pass its_pass, const schedules::ZeroSkipRow& its_row, PackPipeline its_pack,
                             const ConvPipelines& its_pipelines, int most_tile_bytes)
        : ConvKernel(Kernel::zero_skip, its_pass, its_pass == Pass::fwd ? Skips::src : Skips::diff_dst,
                     its_row.blocking),
          row(its_row),
          pipelines(its_pipelines),
          pack(its_pack),
          tile_bytes(most_tile_bytes) {}

    bool suits(const ConvShape& shape) const override;
    int channels_of_cost(const ConvShape& shape) const override;
    Packing packing(const WeightsShape& master) const override;
    double largest_scratch(const ConvShape& shape, int threads) const override;
    void run(const ConvCall& call) const override;

    schedules::ZeroSkipRow row;
    ConvPipelines pipelines;
    PackPipeline pack;
    int tile_bytes;  // to which images that are wide have fewer rows in a tile than the row says
};

// (context, src, diff_dst, pad_top, pad_left, images_per_part, chunks_per_task, diff_weights)
using ZeroSkipWeightsPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, int, int, int, int,
                                        halide_buffer_t*);

// bwd_weights, by the operand whose zeros are skipped.
class ZeroSkipWeightsKernel final : public ConvKernel {
  public:
    constexpr ZeroSkipWeightsKernel(Pass its_pass, const schedules::ZeroSkipWeightsRow& its_row,
                                    ZeroSkipWeightsPipeline its_pipeline, Skips its_skips)
        : ConvKernel(Kernel::zero_skip, its_pass, its_skips), row(its_row), pipeline(its_pipeline) {}

    const char* cost_is_of(const ConvShape& shape) const override;
    int channels_of_cost(const ConvShape& shape) const override {
        return skips == Skips::src ? shape.src.c : shape.k;
    }
    Packing packing(const WeightsShape& /*master*/) const override { return {}; }
    double largest_scratch(const ConvShape& shape, int threads) const override;
    bool scratch_grows_with_threads() const override { return true; }  // sums for each
    void run(const ConvCall& call) const override;

    // How a call is cut: the batch into parts, which have sums of their own, and the channels of the operand
    // that is not scanned into tasks.
    struct Tasks {
        int images_per_part, chunks_per_task;
    };
    Tasks tasks(const ConvShape& shape, int threads) const;

    schedules::ZeroSkipWeightsRow row;
    ZeroSkipWeightsPipeline pipeline;
};

}  // namespace sparsetrain::detail
