#pragma once

#include <HalideRuntime.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>

#include "conv_kernel.h"
#include "per_process.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain {

class SPARSETRAIN_PRIVATE PackedWeights::Impl {
  public:
    explicit Impl(ConstWeightsView view) : master(view) {}

    // The weights in the order that a kernel reads; packs them if that has not been done since the last
    // change. The memory stays valid until the next change.
    const float* get(const detail::Packing& packing, Workspace& workspace);

    ConstWeightsView master;
    std::atomic<unsigned long> version{1};

  private:
    struct Packed {
        unsigned long version = 0;
        AlignedArray<float> values;
    };
    struct AllPacked {
        std::mutex mutex;
        std::map<detail::PackPipeline, Packed> by_pipeline;
    };
    detail::PerProcess<AllPacked> packed_;  // packing may be under way when a process forks
};

namespace detail {

// A dense buffer of weights in a kernel's order; `dims` is memory for its dimensions.
void describe(const float* weights, const Extents& extents, std::array<halide_dimension_t, 6>& dims,
              halide_buffer_t& buffer);

}  // namespace detail

}  // namespace sparsetrain
