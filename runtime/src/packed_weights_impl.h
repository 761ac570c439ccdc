#pragma once

#include <HalideRuntime.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include "conv_kernel.h"
#include "per_process.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain {

class SPARSETRAIN_PRIVATE PackedWeights::Impl {
  public:
    Impl(ConstWeightsView view, Keep its_keep) : master(view), keep(its_keep) {}

    // The weights in the order that a kernel reads; packs them, on all threads of the call, if that has not
    // been done since the last change, or if packings are for a call. Valid until the next change, or the
    // next call on the Workspace.
    //
    // Who comes while another call packs waits for it, if both run on the library's threads. A caller's pool
    // may run whatever it has at hand on a thread that waits in it, as a call for these weights, and may need
    // the thread that waits for it elsewhere: where a pool has part, who comes packs a copy of its own.
    const float* get(const detail::Packing& packing, Workspace& workspace);

    bool packs_for_a_call() const { return keep == Keep::for_a_call; }

    ConstWeightsView master;
    const Keep keep;
    std::atomic<unsigned long> version{1};

  private:
    struct Packed {
        unsigned long version = 0;
        AlignedArray<float> values;
        bool is_being_packed = false, by_pool = false;  // of a caller
    };
    struct AllPacked {
        std::mutex mutex;
        std::condition_variable packing_ended;
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
