// The runtime's side of a call into a compiled pipeline: buffers, a per-call context, errors as exceptions.
//
// Pipelines are compiled with `user_context`; ours points to a CallContext, through which the private Halide
// runtime finds this call's scratch memory, thread count and error text. Nothing is process-global.
#pragma once

#include <HalideRuntime.h>

#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

#include "sparsetrain/error.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::detail {

class ScratchPool;

struct CallContext {
    // Of the call's threads, those that no parallel loop of it has taken.
    std::atomic<int> idle_threads;
    ScratchPool* scratch;
    // The caller's; empty: threads are the library's.
    const ParallelFor* pool;
    // Held for the two below. Of this call alone, so that no other's is taken in a forked child.
    std::mutex errors;
    // The first message of the call: of fixed size, as the handler must not throw.
    std::array<char, 512> error;
    // The first that the caller's pool threw.
    std::exception_ptr pool_error;
};

// How many threads a call on `workspace` may use that is made now, here.
int threads_for_call(const Workspace& workspace);

// The context of one call; throws like require_supported_cpu().
CallContext make_context(Workspace& workspace);
[[noreturn]] void throw_pipeline_error(const char* pipeline, int code, const CallContext& context);

// Runs `pipeline(context, arguments...)` with `workspace`'s threads and scratch. Throws Error if it fails, or
// what the caller's pool threw.
template <typename Pipeline, typename... Arguments>
void call_pipeline(const char* name, Pipeline pipeline, Workspace& workspace, Arguments&&... arguments) {
    CallContext context = make_context(workspace);
    if (const int code = pipeline(&context, std::forward<Arguments>(arguments)...); code != 0)
        throw_pipeline_error(name, code, context);
}

// A dense halide_buffer_t over memory that it does not own; the first dimension is the innermost.
template <int Dimensions>
class Buffer {
  public:
    template <typename T>
    Buffer(T* data, const std::array<int, Dimensions>& extents) {
        int stride = 1;
        for (int i = 0; i < Dimensions; ++i) {
            dims_[i] = {0, extents[i], stride};
            stride *= extents[i];
        }
        buffer_.host = reinterpret_cast<std::uint8_t*>(const_cast<std::remove_const_t<T>*>(data));
        buffer_.type = halide_type_of<std::remove_const_t<T>>();
        buffer_.dimensions = Dimensions;
        buffer_.dim = dims_.data();
    }
    // Dense but for the outermost dimension, where elements are `distance` apart.
    template <typename T>
    Buffer(T* data, const std::array<int, Dimensions>& extents, int distance) : Buffer(data, extents) {
        dims_.back().stride = distance;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    operator halide_buffer_t*() { return &buffer_; }

  private:
    std::array<halide_dimension_t, Dimensions> dims_{};
    halide_buffer_t buffer_{};
};

// NCHW16c as Halide sees it: (lane, x, y, channel block, n).
struct TensorBuffer : Buffer<5> {
    template <typename T>
    explicit TensorBuffer(BasicTensorView<T> t)
        : Buffer<5>(t.data, {kLanes, t.shape.w, t.shape.h, channel_blocks(t.shape.c), t.shape.n}) {}
};

// An occupancy mask: (x, y, channel block, n).
struct MaskBuffer : Buffer<4> {
    template <typename T>
    explicit MaskBuffer(BasicMaskView<T> m)
        : Buffer<4>(m.data, {m.shape.w, m.shape.h, channel_blocks(m.shape.c), m.shape.n}) {}
};

// The master layout of weights: (k lane, c lane, s, r, c block, k block).
struct WeightsBuffer : Buffer<6> {
    template <typename T>
    explicit WeightsBuffer(BasicWeightsView<T> w)
        : Buffer<6>(w.data, {kLanes, kLanes, w.shape.s, w.shape.r, channel_blocks(w.shape.c),
                             channel_blocks(w.shape.k)}) {}
};

}  // namespace sparsetrain::detail
