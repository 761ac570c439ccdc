// One call of a pass as its kernel gets it: checked, with buffers in the kernels' shape.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "conv_kernel.h"
#include "halide_interface.h"
#include "packed_weights_impl.h"

namespace sparsetrain::detail {

// How results leave fwd and bwd_data: as they are, through a ReLU that makes a mask, or with the backward of
// an earlier ReLU, by its mask.
enum class Epilogue { plain, relu, masked };

// Bias as pipelines read it: whole blocks of 16, zero beyond the last channel (and everywhere, without a
// bias), in memory that `workspace` keeps.
class BiasBuffer {
  public:
    BiasBuffer(std::span<const float> bias, int channels, Workspace& workspace);
    operator halide_buffer_t*() { return buffer_; }
    const float* values() const { return values_; }

  private:
    const float* values_;
    Buffer<2> buffer_;
};

struct ConvCall {
    const char* function;    // that errors name
    const ConvShape& shape;  // of src and dst
    Workspace& workspace;
    TensorBuffer &src, &dst;  // in the backward passes their gradients, but src in bwd_weights

    // fwd and bwd_data.
    const PackedWeights* weights = nullptr;
    BiasBuffer* bias = nullptr;
    Epilogue epilogue = Epilogue::plain;
    MaskBuffer* mask = nullptr;  // that the epilogue makes or reads

    // bwd_weights.
    WeightsBuffer* diff_weights = nullptr;
};

// How many images a task may have at most, so that all threads have some.
inline int images_per_thread(const Shape& out, int threads) {
    return (out.n + threads - 1) / threads;
}

// How many images share a task where `most` may: parts of one size, and as many for each thread. (Five of 16
// images to a task would be four tasks, one of them nearly empty.)
inline int images_of_equal_parts(const Shape& out, int most, int threads) {
    if (threads == 1) return most;
    const int needed = (out.n + most - 1) / most;
    const int parts = std::min((needed + threads - 1) / threads * threads, out.n);
    return (out.n + parts - 1) / parts;
}

// How many images share a tile: as many as make row.pixels pixels, within images_per_thread.
template <typename Row>
int images_per_tile(const Row& row, const Shape& out, int threads) {
    const int pixels = std::min(row.rows, out.h) * out.w;
    const int most = std::clamp(row.pixels / pixels, 1, images_per_thread(out, threads));
    return images_of_equal_parts(out, most, threads);
}

// A call's weights as its kernel reads them; packs them if that has not been done since they changed.
class PackedBuffer {
  public:
    PackedBuffer(const ConvKernel& kernel, const ConvCall& call);
    operator halide_buffer_t*() { return &buffer_; }

  private:
    std::array<halide_dimension_t, 6> dims_{};
    halide_buffer_t buffer_{};
};

}  // namespace sparsetrain::detail
