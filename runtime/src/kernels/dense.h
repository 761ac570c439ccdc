// `dense`: computes every product. fwd and bwd_weights have a blocking for few input channels, which
// multiplies no lanes that pad them.
#pragma once

#include "conv_kernel.h"
#include "kernels/conv_pipelines.h"
#include "schedules/rows.h"

namespace sparsetrain::detail {

// fwd and bwd_data. `whole`: for images that are a whole number of tiles wide, in src as in dst, at stride 1.
class DenseKernel final : public ConvKernel {
  public:
    constexpr DenseKernel(Pass its_pass, const schedules::DenseRow& its_row, PackPipeline its_pack,
                          const ConvPipelines& its_any, const ConvPipelines& its_whole = {})
        : ConvKernel(Kernel::dense, its_pass, Skips::nothing),
          row(its_row),
          any(its_any),
          whole(its_whole),
          pack(its_pack) {}

    int channels_of_cost(const ConvShape& /*shape*/) const override { return 1; }
    Packing packing(const WeightsShape& master) const override;
    double largest_scratch(const ConvShape& shape, int threads) const override;
    void run(const ConvCall& call) const override;

    schedules::DenseRow row;
    ConvPipelines any, whole;
    PackPipeline pack;  // null: fwd reads the master weights
};

// (context, src, diff_dst, pad_top, pad_left, diff_weights)
using DenseWeightsPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, int, int,
                                     halide_buffer_t*);

// bwd_weights.
class DenseWeightsKernel final : public ConvKernel {
  public:
    constexpr DenseWeightsKernel(Pass its_pass, const schedules::DenseWeightsRow& its_row,
                                 DenseWeightsPipeline its_pipeline)
        : ConvKernel(Kernel::dense, its_pass, Skips::nothing), row(its_row), pipeline(its_pipeline) {}

    int channels_of_cost(const ConvShape& /*shape*/) const override { return 1; }
    Packing packing(const WeightsShape& /*master*/) const override { return {}; }
    double largest_scratch(const ConvShape& shape, int threads) const override;
    void run(const ConvCall& call) const override;

    schedules::DenseWeightsRow row;
    DenseWeightsPipeline pipeline;
};

// The planar blocking, of few input channels. Of 15 it still takes no longer than the other, which multiplies
// 16 lanes.
inline constexpr int kMostPlanarChannels = kLanes - 1;

// fwd.
class DensePlanarKernel final : public ConvKernel {
  public:
    constexpr DensePlanarKernel(Pass its_pass, const schedules::DensePlanarRow& its_row,
                                PackPipeline its_pack, const ConvPipelines& its_pipelines)
        : ConvKernel(Kernel::dense, its_pass, Skips::nothing, schedules::kPlanar),
          row(its_row),
          pack(its_pack),
          pipelines(its_pipelines) {}

    bool suits(const ConvShape& shape) const override { return shape.src.c <= kMostPlanarChannels; }
    int channels_of_cost(const ConvShape& /*shape*/) const override { return 1; }
    Packing packing(const WeightsShape& master) const override;
    double largest_scratch(const ConvShape& shape, int threads) const override;
    void run(const ConvCall& call) const override;

    schedules::DensePlanarRow row;
    PackPipeline pack;
    ConvPipelines pipelines;
};

// (context, src, diff_dst, pad_top, pad_left, channels, diff_weights)
using DensePlanarWeightsPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*, int, int, int,
                                           halide_buffer_t*);

// bwd_weights.
class DensePlanarWeightsKernel final : public ConvKernel {
  public:
    constexpr DensePlanarWeightsKernel(Pass its_pass, const schedules::DensePlanarWeightsRow& its_row,
                                       DensePlanarWeightsPipeline its_pipeline)
        : ConvKernel(Kernel::dense, its_pass, Skips::nothing, schedules::kPlanar),
          row(its_row),
          pipeline(its_pipeline) {}

    bool suits(const ConvShape& shape) const override { return shape.src.c <= kMostPlanarChannels; }
    int channels_of_cost(const ConvShape& /*shape*/) const override { return 1; }
    Packing packing(const WeightsShape& /*master*/) const override { return {}; }
    double largest_scratch(const ConvShape& shape, int threads) const override;
    void run(const ConvCall& call) const override;

    schedules::DensePlanarWeightsRow row;
    DensePlanarWeightsPipeline pipeline;
};

}  // namespace sparsetrain::detail
