#include "dense_pass.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sparsetrain::test {
namespace {

using train::Convolution;
using train::PassCall;

AlignedArray<float> absolute(const float* values, std::size_t count) {
    AlignedArray<float> result(count);
    for (std::size_t i = 0; i < count; ++i) result[i] = std::fabs(values[i]);
    return result;
}

// The largest relative error, of the sum of absolute products, of a sum of `terms` products in any order.
double gamma_of(double terms) {
    return terms * kUnitRoundoff / (1 - terms * kUnitRoundoff);
}

int images_of(const Convolution& convolution, const PassCall& call) {
    const Shape& shape = (call.src ? call.src : call.diff_dst)->tensor.shape;
    return convolution.is_linear() ? shape.w : shape.n;
}

// Operands as they are, or their absolute values.
class Operands {
  public:
    Operands(const Convolution& convolution, const PassCall& call, bool is_absolute)
        : shape_(convolution.shape(images_of(convolution, call))), plan_(shape_, Policy::dense) {
        const auto copy = [&](const float* from, std::size_t count) {
            AlignedArray<float> made = absolute(from, from == nullptr ? 0 : count);
            if (!is_absolute && from != nullptr) std::copy_n(from, count, made.data());
            return made;
        };
        weights_ = copy(convolution.weights().data, shape_.weights().elements());
        bias_ = copy(convolution.bias().data(), convolution.bias().size());
        if (call.src) src_ = copy(call.src->tensor.data, shape_.src.elements());
        if (call.diff_dst) diff_dst_ = copy(call.diff_dst->tensor.data, shape_.dst().elements());
    }

    AlignedArray<float> run(const Convolution& convolution, const PassCall& call) {
        switch (call.pass) {
            case Pass::fwd:
                return forward(convolution.result().rectified);
            case Pass::bwd_data:
                return backward_data(call.relu_mask);
            case Pass::bwd_weights:
                break;
        }
        return backward_weights();
    }

  private:
    AlignedArray<float> forward(bool has_relu) {
        Tensor dst(shape_.dst());
        plan_.forward(ConstTensorView{src_.data(), shape_.src}, packed(), {bias_.data(), bias_.size()},
                      dst.view(), workspace_);
        if (has_relu)
            for (float& value : dst.values()) value = std::max(value, 0.0F);
        return std::move(dst.values());
    }
    AlignedArray<float> backward_data(ConstMaskView relu_mask) {
        Tensor diff_src(shape_.src);
        plan_.backward_data(ConstTensorView{diff_dst_.data(), shape_.dst()}, packed(), diff_src.view(),
                            workspace_);
        AlignedArray<float>& values = diff_src.values();
        for (std::size_t i = 0; relu_mask && i < values.size(); ++i)
            if ((relu_mask.data[i / kLanes] >> (i % kLanes) & 1) == 0) values[i] = 0;
        return std::move(values);
    }
    AlignedArray<float> backward_weights() {
        Weights diff_weights(shape_.weights());
        plan_.backward_weights(ConstTensorView{src_.data(), shape_.src},
                               ConstTensorView{diff_dst_.data(), shape_.dst()}, diff_weights.view(), {},
                               workspace_);
        return std::move(diff_weights.values());
    }
    PackedWeights packed() const { return PackedWeights({weights_.data(), shape_.weights()}); }

    ConvShape shape_;
    Conv2d plan_;
    AlignedArray<float> weights_, bias_, src_, diff_dst_;
    Workspace workspace_{1};
};

double terms_of(const ConvShape& shape, Pass pass) {
    const double taps = shape.filter_h * shape.filter_w;
    const Shape dst = shape.dst();
    switch (pass) {
        case Pass::fwd:
            return taps * shape.src.c + 1;  // with a bias
        case Pass::bwd_data:
            return taps * shape.k;
        case Pass::bwd_weights:
            break;
    }
    return static_cast<double>(dst.n) * dst.h * dst.w;
}

}  // namespace

DensePass dense_pass(const Convolution& convolution, const PassCall& call) {
    DensePass result;
    result.values = Operands(convolution, call, false).run(convolution, call);
    // A ReLU makes no sum's error larger: its magnitude is that of the sum.
    result.magnitudes = Operands(convolution, call, true).run(convolution, call);
    result.terms = terms_of(convolution.shape(images_of(convolution, call)), call.pass);
    return result;
}

void expect_within_summation_error(std::span<const float> actual, const DensePass& expected) {
    ASSERT_EQ(actual.size(), expected.values.size());
    // Both err, and the magnitudes, too.
    const double gamma = gamma_of(expected.terms), bound = 2 * gamma * (1 + 2 * gamma);
    double worst = 0;
    std::size_t nonzero = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const double error = std::fabs(static_cast<double>(actual[i]) - expected.values[i]);
        // The smallest normal number: what underflows is beyond the bound.
        worst = std::max(worst, error / (bound * expected.magnitudes[i] + 0x1p-126));
        nonzero += expected.values[i] != 0;
    }
    EXPECT_LE(worst, 1) << "error in bounds";
    EXPECT_GT(nonzero, actual.size() / 20) << "mostly zero, the comparison says nothing";
}

}  // namespace sparsetrain::test
