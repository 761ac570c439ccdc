// What the implementations of one benchmark group share: operands with the wanted zeros, and the truth about
// the result.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "sparsetrain/conv2d.h"

namespace sparsetrain::bench {

// No value of an operand is larger.
inline constexpr int kLargestValue = 4;

// What has the zeros: the operand that may be sparse (src; diff_dst for bwd_data), or the mask of the ReLU
// that made src, behind which nothing of bwd_data's result is wanted.
enum class ZerosIn { operand, relu_mask };

// One pass of one convolution. Where the zeros are, they are random; there are none elsewhere. All values are
// small integers: sums are exact in float, in any order, so a result is right or wrong.
class Problem {
  public:
    // Throws Error(invalid_argument) for a relu_mask in another pass than bwd_data.
    Problem(const ConvShape& conv_shape, Pass conv_pass, int zeros_percent,
            ZerosIn zeros_in = ZerosIn::operand);

    ConvShape shape;
    Pass pass;
    // Two of the three are operands, the third is where the result belongs: dst of fwd, src (diff_src) of
    // bwd_data, weights (diff_weights) of bwd_weights; dst is diff_dst in the backward passes.
    Tensor src;
    Weights weights;
    Tensor dst;
    // Of src; without data unless that has the zeros. The result is zero where a bit is clear.
    Mask relu_mask;

    // How many products of operands' elements the result's elements sum up, padded taps included.
    double products_per_sum() const;

    // Fills the result with NaN, so that nobody is credited with another's.
    void forget_result();

    // At how many elements find_mistake() looks: at least 512, which include all corners and all borders (for
    // bwd_weights: all taps) of the first, the last and further channels. Borders of bwd_data's result are as
    // wide as the stride.
    std::size_t samples() const { return samples_.size(); }

    // Compares the result with a direct convolution in double. Empty if no element is further off than
    // `tolerance`, else the first that is.
    std::string find_mistake(double tolerance = 0) const;

  private:
    struct Sample {
        int index[4];  // n, channel, y, x of the result, or k, c, r, s
        std::size_t offset;
        double expected;
    };
    void sample_activations(const Tensor& result);
    void sample_borders(const Shape& size, int n, int channel, int inset_y, int inset_x,
                        std::mt19937& random);
    void sample_weights();
    double expected_at(const int (&index)[4]) const;
    // `self`, const or not, is a Problem; the answer is as const.
    template <typename Self>
    static auto& result_of(Self& self);

    std::vector<Sample> samples_;
};

}  // namespace sparsetrain::bench
