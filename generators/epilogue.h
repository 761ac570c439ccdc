// How the sums of fwd and bwd_data leave the registers: stored as they are ("plain"), through ReLU with its
// occupancy mask ("relu"), or where the mask of an earlier ReLU has a bit, which applies that ReLU's backward
// ("masked"). Lanes beyond the last channel leave as zeros: where an operand is not finite, its products with
// the zeros of padded weights are NaN, which a later layer would spread to real channels. Shared by the
// generators of all kernels, which schedule it alike. Their loops over rows and images are parallel but not
// fused: with a fused variable Halide 21 takes the region of a producer of both outputs for the whole image.
#pragma once

#include <Halide.h>

#include "generators/lanes.h"
#include "generators/relu.h"

namespace sparsetrain::generators {

class Epilogue {
  public:
    Halide::Var k{"k"}, x{"x"}, y{"y"}, kb{"kb"}, n{"n"};

    // The masks (x, y, k block, n) that the generator's "relu" and "masked" epilogues have.
    Halide::GeneratorOutput<Halide::Buffer<uint16_t, 4>>* dst_mask = nullptr;
    Halide::GeneratorInput<Halide::Buffer<uint16_t, 4>>* relu_mask = nullptr;

    // `channels` of dst are no padding.
    template <typename Dst>
    void define(Dst& dst, const Halide::Func& sum, const Halide::Expr& channels) {
        kept_(k, x, y, kb, n) = Halide::select(kb * kLanes + k < channels, sum(k, x, y, kb, n), 0.0f);
        const Halide::Expr value = kept_(k, x, y, kb, n);
        first_ = dst;
        if (relu_mask != nullptr) {
            dst(k, x, y, kb, n) = Halide::select(bit_of((*relu_mask)(x, y, kb, n), k), value, 0.0f);
        } else if (dst_mask != nullptr) {
            dst(k, x, y, kb, n) = Halide::select(relu_keeps(value), value, 0.0f);
            bits_(x, y, kb, n) += bit_if(relu_keeps(kept_(lanes_, x, y, kb, n)), lanes_);
            (*dst_mask)(x, y, kb, n) = bits_(x, y, kb, n);
            first_ = *dst_mask;
        } else {
            dst(k, x, y, kb, n) = value;
        }
    }

    // Traverses dst, and dst_mask in the same loops down to `shared`, as `traverse(func)` does: it splits and
    // orders the loops other than k.
    template <typename Dst, typename Traverse>
    void schedule(Dst& dst, const Halide::Var& shared, const Traverse& traverse) {
        declare_lanes(dst);
        traverse(Halide::Func(dst).compute_root().bound(k, 0, 16));
        Halide::Func(dst).vectorize(k);
        if (relu_mask != nullptr) declare_mask_of(*relu_mask, dst);
        if (dst_mask == nullptr) return;
        declare_mask_of(*dst_mask, dst);
        traverse(first_.compute_root());
        Halide::Func(dst).compute_with(first_, shared);
        bits_.update().atomic().vectorize(lanes_);
    }

    // The Func whose loops hold both outputs: where producers are to be computed.
    Halide::Func& loops() { return first_; }

  private:
    Halide::RDom lanes_{0, 16, "lanes"};
    Halide::Func kept_{"kept"}, bits_{"bits"}, first_;
};

}  // namespace sparsetrain::generators
