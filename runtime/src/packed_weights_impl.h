#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <tuple>

#include "layer_class.h"
#include "per_process.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain {

class SPARSETRAIN_PRIVATE PackedWeights::Impl {
  public:
    explicit Impl(ConstWeightsView view) : master(view) {}

    // The weights as `kernel` reads them in `pass` (fwd or bwd_data), oriented from the channels that the
    // pass sums over to those that it computes; packs them if that has not been done
    // since the last change. The memory stays valid until the next change.
    const float* get(const detail::LayerClass& layer_class, Pass pass, Kernel kernel, Workspace& workspace);

    ConstWeightsView master;
    std::atomic<unsigned long> version{1};

  private:
    struct Packing {
        unsigned long version = 0;
        AlignedArray<float> values;
    };
    void pack(const detail::LayerClass& layer_class, Pass pass, Kernel kernel, Packing& packing,
              Workspace& workspace);

    struct Packings {
        std::mutex mutex;
        std::map<std::tuple<const detail::LayerClass*, Pass, Kernel>, Packing> by_kernel;
    };
    detail::PerProcess<Packings> packings_;  // packing may be under way when a process forks
};

namespace detail {

// The extents of packed weights, innermost first: (slab, r, group, chunk) and (k lane, vector, channel
// group).
std::array<int, 4> packed_extents(const schedules::ScatterRow& row, const LayerClassInfo& info,
                                  int channels_in, int channels_out);
std::array<int, 3> packed_extents(const schedules::OutputMaskRow& row, const LayerClassInfo& info,
                                  const WeightsShape& master);

}  // namespace detail

}  // namespace sparsetrain
