// What generators share: the 16 lanes of the layout and the masks over them.
//
// The operators of ops/ do not look across channel blocks or images, and NCHW16c is dense, so their pipelines
// see as few dimensions as their operator needs: (lane, pixel) where pixels are independent, (lane, x, y,
// plane) where only neighbours in a plane matter. Fusing loops inside Halide instead would hide constant
// bounds from it.
#pragma once

#include <Halide.h>

namespace sparsetrain::generators {

inline constexpr int kLanes = 16;

// Says that a buffer's innermost dimension is one whole vector of 16 lanes and that everything outside it
// is aligned to one, so that its loads and stores are aligned zmm ones.
template <typename BufferParameter>
void declare_lanes(BufferParameter& buffer) {
    buffer.set_host_alignment(64);
    buffer.dim(0).set_bounds(0, kLanes);
    for (int i = 1; i < buffer.dimensions(); ++i) {
        buffer.dim(i).set_min(0);
        buffer.dim(i).set_stride((buffer.dim(i).stride() / kLanes) * kLanes);
    }
}

// Says that `mask` is an occupancy mask of `tensor`: one dense word per pixel.
template <typename MaskParameter, typename TensorParameter>
void declare_mask_of(MaskParameter& mask, TensorParameter& tensor) {
    for (int i = 0; i < mask.dimensions(); ++i) mask.dim(i).set_bounds(0, tensor.dim(i + 1).extent());
}

// Whether a lane's bit is set in `word`. (`word & (1 << lane)` sends Halide 21's simplifier into an endless
// recursion.)
inline Halide::Expr bit_of(const Halide::Expr& word, const Halide::Expr& lane) {
    using namespace Halide::ConciseCasts;
    return ((u32(word) >> u32(lane)) & u32(1)) != u32(0);
}

// The term of `lane` in a word that holds one bit per lane: summed over the lanes, as a vector, a few
// shuffles.
inline Halide::Expr bit_if(const Halide::Expr& condition, const Halide::Expr& lane) {
    using namespace Halide::ConciseCasts;
    return Halide::select(condition, u16(1) << u16(lane), u16(0));
}

}  // namespace sparsetrain::generators
