#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <tuple>

#include "layer_class.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain {

class PackedWeights::Impl {
  public:
    explicit Impl(ConstWeightsView view) : master(view) {}

    // The weights as `kernel` reads them in `pass` (fwd or bwd_data); packs them if that has not been done
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

    std::mutex mutex_;
    std::map<std::tuple<const detail::LayerClass*, Pass, Kernel>, Packing> packings_;
};

namespace detail {

// The packed form of a ScatterRow's weights: (slab, r, group, chunk).
struct ScatterPacking {
    int slab, filter_h, groups, chunks;

    ScatterPacking(const schedules::ScatterRow& row, const LayerClassInfo& info, int channels_in,
                   int channels_out);
    std::size_t elements() const;
};

}  // namespace detail

}  // namespace sparsetrain
