#include "train/fully_connected.h"

#include <limits>

#include "support.h"

namespace sparsetrain::test {
namespace {

class FullyConnectedTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
    train::Random random{1};

    // Integer parameters make every sum exact, whatever its order.
    void set_integers(train::FullyConnected& fc, const Shape& src) {
        std::mt19937 engine(9);
        const auto next = [&] { return static_cast<float>(engine() % 5) - 2.0F; };
        const train::Parameter weights = fc.parameters()[0], bias = fc.parameters()[1];
        const WeightsShape filters{fc.dst_shape().c, src.c, src.h, src.w};
        for_each({filters.k, src.c, src.h, src.w},
                 [&](int k, int c, int y, int x) { weights.value[filters.offset(k, c, y, x)] = next(); });
        for (int k = 0; k < filters.k; ++k) bias.value[static_cast<std::size_t>(k)] = next();
    }
};
INSTANTIATE_TEST_SUITE_P(Threads, FullyConnectedTest, testing::Values(1, 2));

struct Layer {
    Shape src;
    int features;
};
const std::vector<Layer> kLayers = {{{1, 1, 1, 1}, 1},    {{2, 5, 1, 1}, 3},   {{3, 16, 2, 3}, 10},
                                    {{5, 40, 3, 3}, 17},  {{8, 33, 1, 1}, 32}, {{9, 64, 7, 7}, 40},
                                    {{17, 256, 1, 1}, 10}};

std::size_t logit(int n, int k, int features) {
    return at({1, features, 1, 1}, 0, k, 0, 0) +
           static_cast<std::size_t>(n * channel_blocks(features) * kLanes);
}

TEST_P(FullyConnectedTest, ForwardIsTheProductPlusBias) {
    for (const auto& [shape, features] : kLayers) {
        SCOPED_TRACE(text(shape) + " to " + std::to_string(features));
        train::FullyConnected fc("fc", shape, features, random);
        set_integers(fc, shape);
        const std::vector<train::Parameter> parameters = fc.parameters();
        const WeightsShape filters{features, shape.c, shape.h, shape.w};
        const Tensor src = small_integers(shape, 1);
        const train::Activation in{src.view(), {}};
        const train::Activation dst = fc.forward({&in, 1}, {workspace});
        for (int n = 0; n < shape.n; ++n)
            for (int k = 0; k < channel_blocks(features) * kLanes; ++k) {
                double sum = k < features ? parameters[1].value[static_cast<std::size_t>(k)] : 0;
                for_each({1, shape.c, shape.h, shape.w}, [&](int, int c, int y, int x) {
                    if (k < features)
                        sum += static_cast<double>(src.values()[at(shape, n, c, y, x)]) *
                               parameters[0].value[filters.offset(k, c, y, x)];
                });
                ASSERT_EQ(dst.tensor.data[logit(n, k, features)], sum) << "n " << n << " k " << k;
            }
    }
}

TEST_P(FullyConnectedTest, BackwardIsTheProductWithTheTransposes) {
    for (const auto& [shape, features] : kLayers) {
        SCOPED_TRACE(text(shape) + " to " + std::to_string(features));
        train::FullyConnected fc("fc", shape, features, random);
        set_integers(fc, shape);
        const std::vector<train::Parameter> parameters = fc.parameters();
        const WeightsShape filters{features, shape.c, shape.h, shape.w};
        const Tensor src = small_integers(shape, 2), diff_dst = small_integers(fc.dst_shape(), 3);
        const train::Activation in{src.view(), {}};
        fc.forward({&in, 1}, {workspace});
        train::Activation diff_src;
        fc.backward({diff_dst.view(), {}}, {&diff_src, 1}, {workspace});

        Tensor expected(shape);
        std::vector<double> diff_weights(filters.elements()), diff_bias(parameters[1].value.size());
        for (int k = 0; k < features; ++k) {
            for (int n = 0; n < shape.n; ++n)
                diff_bias[static_cast<std::size_t>(k)] += diff_dst.values()[logit(n, k, features)];
            for_each(shape, [&](int n, int c, int y, int x) {
                const std::size_t i = at(shape, n, c, y, x), w = filters.offset(k, c, y, x);
                const float diff = diff_dst.values()[logit(n, k, features)];
                expected.values()[i] += diff * parameters[0].value[w];
                diff_weights[w] += static_cast<double>(diff) * src.values()[i];
            });
        }
        for (std::size_t i = 0; i < shape.elements(); ++i)
            ASSERT_EQ(diff_src.tensor.data[i], expected.values()[i]) << i;
        for (std::size_t i = 0; i < diff_weights.size(); ++i)
            ASSERT_EQ(parameters[0].gradient[i], diff_weights[i]) << i;
        for (std::size_t i = 0; i < diff_bias.size(); ++i)
            ASSERT_EQ(parameters[1].gradient[i], diff_bias[i]) << i;
    }
}

// Products of the zeros of padded weights with what is not finite are NaN.
TEST_P(FullyConnectedTest, PaddingStaysZeroWhateverTheData) {
    for (const auto& [shape, features] : kLayers) {
        SCOPED_TRACE(text(shape) + " to " + std::to_string(features));
        train::FullyConnected fc("fc", shape, features, random);
        Tensor src(shape), diff_dst(fc.dst_shape());
        for_each(shape, [&](int n, int c, int y, int x) {
            src.values()[at(shape, n, c, y, x)] = std::numeric_limits<float>::infinity();
        });
        for_each(fc.dst_shape(), [&](int n, int k, int, int) {
            diff_dst.values()[logit(n, k, features)] = std::numeric_limits<float>::quiet_NaN();
        });
        const train::Activation in{src.view(), {}};
        const train::Activation dst = fc.forward({&in, 1}, {workspace});
        train::Activation diff_src;
        fc.backward({diff_dst.view(), {}}, {&diff_src, 1}, {workspace});
        const auto expect_zero = [](const ConstTensorView& tensor) {
            for_each_padding(tensor.shape, [&](int n, int c, int y, int x) {
                ASSERT_EQ(tensor.data[at(tensor.shape, n, c, y, x)], 0) << n << ' ' << c;
            });
        };
        expect_zero(dst.tensor);
        expect_zero(diff_src.tensor);
        const WeightsShape filters{features, shape.c, shape.h, shape.w};
        const int most_c = channel_blocks(shape.c) * kLanes, most_k = channel_blocks(features) * kLanes;
        for_each({most_k, most_c, shape.h, shape.w}, [&](int k, int c, int y, int x) {
            if (k < features && c < shape.c) return;
            ASSERT_EQ(fc.parameters()[0].gradient[filters.offset(k, c, y, x)], 0) << k << ' ' << c;
        });
    }
}

TEST_P(FullyConnectedTest, InitialWeightsHaveTheirVarianceAndZeroPadding) {
    const Shape shape{1, 40, 5, 5};
    train::FullyConnected fc("fc", shape, 10, random);
    const std::span<const float> weights = fc.parameters()[0].value;
    double square = 0;
    std::size_t nonzero = 0;
    for (const float w : weights) {
        square += static_cast<double>(w) * w;
        nonzero += w != 0;
    }
    EXPECT_LE(nonzero, 40 * 25 * 10U);
    EXPECT_GE(nonzero, 40 * 25 * 10U - 5);
    EXPECT_NEAR(square / (40 * 25 * 10), 1.0 / (40 * 25), 0.1 / (40 * 25));
}

TEST(FullyConnectedErrors, NameTheSizesThatAreWrong) {
    train::Random random(1);
    expect_invalid([&] { train::FullyConnected("fc", {1, 16, 2, 2}, 0, random); }, {"FullyConnected", "K0"});
    expect_invalid([&] { train::FullyConnected("fc", {0, 16, 2, 2}, 10, random); }, {"FullyConnected", "N0"});
}

}  // namespace
}  // namespace sparsetrain::test
