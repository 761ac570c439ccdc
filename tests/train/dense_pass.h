// Passes of a convolution again, dense and on the same operands, with how far sums may be apart.
#pragma once

#include <cmath>
#include <span>

#include "train/operators/convolution.h"

namespace sparsetrain::test {

inline constexpr double kUnitRoundoff = 0x1p-24;

// What a pass gives, and the sums of the absolute values of the products that it adds up, `terms` of them at
// most.
struct DensePass {
    AlignedArray<float> values, magnitudes;
    double terms = 0;
};

// The pass of `call`, of a convolution that is as it was in that.
DensePass dense_pass(const train::Convolution& convolution, const train::PassCall& call);

// That `actual` sums the same products, in whatever order: within the error that sums in float may have, and
// with at least one in twenty that is not zero.
void expect_within_summation_error(std::span<const float> actual, const DensePass& expected);

}  // namespace sparsetrain::test
