// How the sums of fwd and bwd_data leave the registers: stored as they are, or through ReLU with its
// occupancy mask. Shared by the generators of both kernels, which schedule it alike. Their loops over rows
// and images are parallel but not fused: with a fused variable Halide 21 takes the region of a producer of
// both outputs for the whole image.
#pragma once

#include <Halide.h>

#include "generators/lanes.h"
#include "generators/relu.h"

namespace sparsetrain::generators {

class Epilogue {
  public:
    Halide::Var k{"k"}, x{"x"}, y{"y"}, kb{"kb"}, n{"n"};

    // dst = sum, or ReLU of the sum where there is a mask (null otherwise); its bit i tells whether lane i is
    // not zero.
    template <typename Dst, typename Mask>
    void define(Dst& dst, Mask* mask, const Halide::Func& sum) {
        const Halide::Expr value = sum(k, x, y, kb, n);
        first_ = dst;
        if (mask == nullptr) {
            dst(k, x, y, kb, n) = value;
            return;
        }
        dst(k, x, y, kb, n) = Halide::select(relu_keeps(value), value, 0.0f);
        bits_(x, y, kb, n) += bit_if(relu_keeps(sum(lanes_, x, y, kb, n)), lanes_);
        (*mask)(x, y, kb, n) = bits_(x, y, kb, n);
        first_ = *mask;
    }

    // Traverses dst, and the mask in the same loops down to `shared`, as `traverse(func)` does: it splits and
    // orders the loops other than k.
    template <typename Dst, typename Mask, typename Traverse>
    void schedule(Dst& dst, Mask* mask, const Halide::Var& shared, const Traverse& traverse) {
        declare_lanes(dst);
        traverse(Halide::Func(dst).compute_root().bound(k, 0, 16));
        Halide::Func(dst).vectorize(k);
        if (mask == nullptr) return;
        declare_mask_of(*mask, dst);
        traverse(first_.compute_root());
        Halide::Func(dst).compute_with(first_, shared);
        bits_.update().atomic().vectorize(lanes_);
    }

    // The Func whose loops hold both outputs: where producers are to be computed.
    Halide::Func& loops() { return first_; }

  private:
    Halide::RDom lanes_{0, 16, "lanes"};
    Halide::Func bits_{"bits"}, first_;
};

}  // namespace sparsetrain::generators
