#pragma once

#include <utility>
#include <vector>

#include "measured_choice.h"
#include "scratch_pool.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

class SPARSETRAIN_PRIVATE Workspace::Impl {
  public:
    Impl(int thread_count, ParallelFor callers_pool) : threads(thread_count), pool(std::move(callers_pool)) {}

    int threads;
    const ParallelFor pool;  // none: the library's own
    detail::ScratchPool scratch;
    // Of the call that runs; kept, so that calls allocate nothing.
    AlignedArray<float> bias;
    AlignedArray<float> channels;  // ChannelArrays
    AlignedArray<float> packed;    // weights that no other call is to have, or that another one is packing
    std::vector<detail::Candidate> candidates;
    std::vector<std::int32_t> mask_bits;  // sums of parts
};

}  // namespace sparsetrain
