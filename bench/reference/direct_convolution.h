// Direct convolution in double, slow and obvious: the reference of every test and of conv_bench.
//
// All indices are logical (n, channel, y, x; k, c, r, s); blocks of 16 channels appear only in lane_offset().
#pragma once

#include <span>
#include <vector>

#include "sparsetrain/conv2d.h"

namespace sparsetrain::reference {

// One output element: its value, and what a bound on float rounding needs.
struct Element {
    double value = 0;
    double magnitude = 0;  // sum of |a * b| over its terms
    long terms = 0;        // products and biases summed, zeros included; taps in the padding are not

    void add(double a, double b);
};

// The largest error of summing an element's terms in float, in any order, with or without FMA:
// gamma(terms + 1) * magnitude with unit roundoff 2^-24, and as much again as underflow can lose.
double rounding_bound(const Element& element);

// Where (n, c, y, x) lies in an NCHW16c tensor of this shape, in floats. Checks the indices.
std::size_t lane_offset(const Shape& shape, int n, int c, int y, int x);
inline float at(const ConstTensorView& t, int n, int c, int y, int x) {
    return t.data[lane_offset(t.shape, n, c, y, x)];
}
// The occupancy bit of (n, c, y, x).
bool bit_at(const ConstMaskView& mask, int n, int c, int y, int x);

// One element of a pass. `bias` holds K values or none.
Element forward_at(const ConvShape& shape, ConstTensorView src, ConstWeightsView weights,
                   std::span<const float> bias, int n, int k, int y, int x);
Element backward_data_at(const ConvShape& shape, ConstTensorView diff_dst, ConstWeightsView weights, int n,
                         int c, int y, int x);
Element backward_weights_at(const ConvShape& shape, ConstTensorView src, ConstTensorView diff_dst, int k,
                            int c, int r, int s);
Element backward_bias_at(const ConvShape& shape, ConstTensorView diff_dst, int k);

// max(0, element); the bounds stay those of the sum. Its mask bit is `value != 0`.
Element relu(Element element);

// Whole tensors, in logical row-major order: [N][K][OH][OW], [N][C][H][W], [K][C][R][S], [K].
std::vector<Element> forward(const ConvShape& shape, ConstTensorView src, ConstWeightsView weights,
                             std::span<const float> bias);
std::vector<Element> backward_data(const ConvShape& shape, ConstTensorView diff_dst,
                                   ConstWeightsView weights);
std::vector<Element> backward_weights(const ConvShape& shape, ConstTensorView src, ConstTensorView diff_dst);
std::vector<Element> backward_bias(const ConvShape& shape, ConstTensorView diff_dst);

}  // namespace sparsetrain::reference
