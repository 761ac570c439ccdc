#include "double_operations.h"

#include <cmath>
#include <stdexcept>

#include "gradient_check.h"

namespace sparsetrain::test {
namespace {

using Variables = std::vector<Variable>;

DoubleTensor result_of(const std::vector<DoubleTensor>& operands, const Build& build) {
    DoubleTape tape;
    Variables leaves;
    for (const DoubleTensor& operand : operands) leaves.push_back(tape.leaf(operand));
    return build(leaves).value();
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-13) << i;
}

struct ConvolutionCase {
    std::vector<int> src, weights;
    int stride, padding;
};
const ConvolutionCase kConvolutions[] = {
    {{2, 3, 5, 6}, {4, 3, 3, 3}, 1, 1}, {{1, 2, 5, 6}, {3, 2, 3, 3}, 2, 1},
    {{2, 3, 5, 4}, {2, 3, 1, 1}, 2, 0}, {{1, 2, 9, 8}, {2, 2, 7, 7}, 2, 3},
    {{1, 1, 7, 5}, {2, 1, 2, 3}, 3, 2}, {{2, 2, 2, 1}, {1, 2, 3, 3}, 1, 1},
    {{1, 2, 4, 4}, {1, 2, 4, 4}, 1, 0}};

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

// An element of an image [N][C][H][W] with zeros around it.
double padded(const DoubleTensor& src, int n, int c, int y, int x) {
    if (y < 0 || y >= src.shape[2] || x < 0 || x >= src.shape[3]) return 0;
    const std::size_t row = at((n * src.shape[1] + c) * src.shape[2] + y);
    return src.values[row * at(src.shape[3]) + at(x)];
}

double convolved(const ConvolutionCase& one, const DoubleTensor& src, const DoubleTensor& weights, int n,
                 int k, int y, int x) {
    double sum = 0;
    for (int c = 0; c < one.weights[1]; ++c)
        for (int r = 0; r < one.weights[2]; ++r)
            for (int s = 0; s < one.weights[3]; ++s)
                sum += padded(weights, k, c, r, s) *
                       padded(src, n, c, y * one.stride + r - one.padding, x * one.stride + s - one.padding);
    return sum;
}

TEST(DoubleConvolution, IsItsDefinition) {
    for (const ConvolutionCase& one : kConvolutions) {
        SCOPED_TRACE(text(one.src) + text(one.weights));
        const DoubleTensor src = distinct_values(one.src, 1), weights = distinct_values(one.weights, 2);
        const DoubleTensor dst = result_of({src, weights}, [&](const Variables& v) {
            return convolution(v[0], v[1], one.stride, one.padding);
        });
        std::vector<double> expected;
        for (int n = 0; n < dst.shape[0]; ++n)
            for (int k = 0; k < dst.shape[1]; ++k)
                for (int y = 0; y < dst.shape[2]; ++y)
                    for (int x = 0; x < dst.shape[3]; ++x)
                        expected.push_back(convolved(one, src, weights, n, k, y, x));
        expect_near(dst.values, expected);
    }
}

TEST(DoubleConvolution, EveryPixelWhoseWindowFitsIsComputed) {
    const auto shape_of = [](const ConvolutionCase& one) {
        const DoubleTensor src = zeros_of(one.src), weights = zeros_of(one.weights);
        return result_of({src, weights},
                         [&](const Variables& v) { return convolution(v[0], v[1], one.stride, one.padding); })
            .shape;
    };
    EXPECT_EQ(shape_of({{2, 3, 224, 224}, {4, 3, 7, 7}, 2, 3}), (std::vector<int>{2, 4, 112, 112}));
    EXPECT_EQ(shape_of({{2, 3, 5, 6}, {4, 3, 3, 3}, 1, 1}), (std::vector<int>{2, 4, 5, 6}));
    EXPECT_EQ(shape_of({{2, 3, 5, 6}, {4, 3, 1, 1}, 2, 0}), (std::vector<int>{2, 4, 3, 3}));
    EXPECT_THROW(shape_of({{1, 2, 5, 5}, {1, 3, 3, 3}, 1, 1}), std::invalid_argument);
    EXPECT_THROW(shape_of({{1, 2, 5, 5}, {1, 2, 6, 3}, 1, 0}), std::invalid_argument);
}

TEST(DoubleConvolution, Gradients) {
    for (const ConvolutionCase& one : kConvolutions)
        EXPECT_TRUE(gradients_match(
            {distinct_values(one.src, 1), distinct_values(one.weights, 2)},
            [&](const Variables& v) { return convolution(v[0], v[1], one.stride, one.padding); }))
            << text(one.src) << text(one.weights);
}

TEST(DoubleLinear, IsAMatrixProduct) {
    const DoubleTensor src{{2, 3}, {1, 2, 3, 4, 5, 6}}, weights{{2, 3}, {1, 0, -1, 2, 1, 0.5}},
        bias{{2}, {10, 20}};
    const DoubleTensor dst = result_of({src, weights, bias},
                                       [](const Variables& v) { return add_bias(linear(v[0], v[1]), v[2]); });
    EXPECT_EQ(dst.shape, (std::vector<int>{2, 2}));
    expect_near(dst.values, {8, 25.5, 8, 36});
}

TEST(DoubleLinear, Gradients) {
    const Build build = [](const Variables& v) { return add_bias(linear(v[0], v[1]), v[2]); };
    EXPECT_TRUE(gradients_match(
        {distinct_values({3, 5}, 1), distinct_values({4, 5}, 2), distinct_values({4}, 3)}, build));
    EXPECT_THROW(result_of({zeros_of({3, 5}), zeros_of({4, 6}), zeros_of({4})}, build),
                 std::invalid_argument);
    EXPECT_THROW(result_of({zeros_of({3, 5}), zeros_of({4, 5}), zeros_of({3})}, build),
                 std::invalid_argument);
}

TEST(DoubleElementwise, Gradients) {
    const DoubleTensor images = distinct_values({2, 3, 4, 2}, 1), others = distinct_values({2, 3, 4, 2}, 2);
    const DoubleTensor scalar{{1}, {0.7}}, bias = distinct_values({3}, 3);
    EXPECT_TRUE(gradients_match({images, scalar}, [](const Variables& v) { return add_scalar(v[0], v[1]); }));
    EXPECT_TRUE(
        gradients_match({images, scalar}, [](const Variables& v) { return times_scalar(v[0], v[1]); }));
    EXPECT_TRUE(gradients_match({images, bias}, [](const Variables& v) { return add_bias(v[0], v[1]); }));
    EXPECT_TRUE(gradients_match({images, others}, [](const Variables& v) { return add(v[0], v[1]); }));
    EXPECT_TRUE(gradients_match({images}, [](const Variables& v) { return relu(v[0]); }));
    EXPECT_TRUE(gradients_match({images}, [](const Variables& v) { return flatten(v[0]); }));
}

TEST(DoubleElementwise, Values) {
    const DoubleTensor x{{1, 2, 1, 2}, {1, -2, 0, 4}}, y{{1, 2, 1, 2}, {3, 5, 7, 9}}, half{{1}, {0.5}},
        bias{{2}, {10, 20}};
    expect_near(result_of({x, half}, [](const Variables& v) { return add_scalar(v[0], v[1]); }).values,
                {1.5, -1.5, 0.5, 4.5});
    expect_near(result_of({x, half}, [](const Variables& v) { return times_scalar(v[0], v[1]); }).values,
                {0.5, -1, 0, 2});
    expect_near(result_of({x, bias}, [](const Variables& v) { return add_bias(v[0], v[1]); }).values,
                {11, 8, 20, 24});
    expect_near(result_of({x, y}, [](const Variables& v) { return add(v[0], v[1]); }).values, {4, 3, 7, 13});
    expect_near(result_of({x}, [](const Variables& v) { return relu(v[0]); }).values, {1, 0, 0, 4});
    EXPECT_EQ(result_of({x}, [](const Variables& v) { return flatten(v[0]); }).shape,
              (std::vector<int>{1, 4}));
    EXPECT_THROW(result_of({x, bias}, [](const Variables& v) { return add(v[0], v[1]); }),
                 std::invalid_argument);
    EXPECT_THROW(result_of({x, bias}, [](const Variables& v) { return add_scalar(v[0], v[1]); }),
                 std::invalid_argument);
}

TEST(DoubleRelu, DerivativeAtZeroIsZero) {
    const DoubleTensor x{{3}, {-1, 0, 1}};
    DoubleTape tape;
    const Variable src = tape.leaf(x);
    tape.backward(relu(src), {5, 6, 7});
    EXPECT_EQ(src.gradient(), (std::vector<double>{0, 0, 7}));
}

TEST(DoubleConcatenation, HasTheChannelsOfItsParts) {
    const DoubleTensor x{{2, 1, 1, 2}, {1, 2, 3, 4}}, y{{2, 2, 1, 2}, {5, 6, 7, 8, 9, 10, 11, 12}};
    const DoubleTensor dst = result_of({x, y}, [](const Variables& v) { return concatenate({v[1], v[0]}); });
    EXPECT_EQ(dst.shape, (std::vector<int>{2, 3, 1, 2}));
    expect_near(dst.values, {5, 6, 7, 8, 1, 2, 9, 10, 11, 12, 3, 4});
    for (const DoubleTensor& wrong : {zeros_of({1, 1, 1, 2}), zeros_of({2, 1, 2, 1}), zeros_of({2, 1, 1, 1})})
        EXPECT_THROW(result_of({x, wrong}, [](const Variables& v) { return concatenate(v); }),
                     std::invalid_argument);
}

TEST(DoubleConcatenation, Gradients) {
    EXPECT_TRUE(gradients_match({distinct_values({2, 3, 4, 2}, 1), distinct_values({2, 1, 4, 2}, 2),
                                 distinct_values({2, 2, 4, 2}, 3)},
                                [](const Variables& v) {
                                    return concatenate({v[0], v[1], v[2], v[1]});
                                }));
}

TEST(DoubleDropout, KeepsWhatItIsTold) {
    const DoubleTensor x{{2, 3}, {1, 2, 3, 4, 5, 6}};
    const auto build = [](const Variables& v) {
        return dropout(v[0], 0.75, [](int image, int feature) { return image == 1 || feature == 2; });
    };
    expect_near(result_of({x}, build).values, {0, 0, 12, 16, 20, 24});
    EXPECT_TRUE(gradients_match({x}, build));
}

TEST(DoubleBatchNorm, NormalisesByTheBatch) {
    const DoubleTensor x{{2, 2, 1, 2}, {1, 3, 10, 10, 5, 7, 20, 20}}, scale{{2}, {2, 3}},
        shift{{2}, {0.5, 0}};
    DoubleTape tape;
    const Normalised result = batch_norm(tape.leaf(x), tape.leaf(scale), tape.leaf(shift), 1e-5);
    expect_near(result.mean, {4, 15});
    expect_near(result.unbiased_variance, {20.0 / 3, 100.0 / 3});
    const double a = 2 / std::sqrt(5 + 1e-5), b = 3 * 5 / std::sqrt(25 + 1e-5);
    expect_near(result.dst.values(), {0.5 - 3 * a, 0.5 - a, -b, -b, 0.5 + a, 0.5 + 3 * a, b, b});
}

TEST(DoubleBatchNorm, Gradients) {
    const Build build = [](const Variables& v) { return batch_norm(v[0], v[1], v[2], 1e-2).dst; };
    EXPECT_TRUE(gradients_match(
        {distinct_values({3, 4, 2, 5}, 1), distinct_values({4}, 2), distinct_values({4}, 3)}, build));
    EXPECT_TRUE(gradients_match(
        {distinct_values({5, 2, 1, 1}, 1), distinct_values({2}, 2), distinct_values({2}, 3)}, build));
    EXPECT_THROW(result_of({zeros_of({1, 4, 1, 1}), zeros_of({4}), zeros_of({4})}, build),
                 std::invalid_argument);
}

struct PoolCase {
    std::vector<int> src;
    int size, stride, padding;
};

TEST(DoubleMaxPool, Gradients) {
    for (const PoolCase& one :
         {PoolCase{{2, 3, 6, 4}, 2, 2, 0}, PoolCase{{2, 3, 7, 6}, 3, 2, 1}, PoolCase{{1, 2, 5, 5}, 2, 2, 0},
          PoolCase{{1, 2, 1, 2}, 3, 2, 1}, PoolCase{{2, 2, 4, 5}, 3, 1, 1}})
        EXPECT_TRUE(gradients_match({distinct_values(one.src, 1)}, [&](const Variables& v) {
            return max_pool(v[0], one.size, one.stride, one.padding);
        })) << text(one.src);
}

TEST(DoubleMaxPool, TheFirstMaximumWinsAndPaddingNever) {
    const DoubleTensor x{{1, 1, 3, 3}, {-5, -5, -7, -5, -6, -7, -7, -7, -7}};
    DoubleTape tape;
    const Variable src = tape.leaf(x), dst = max_pool(src, 3, 2, 1);
    EXPECT_EQ(dst.shape(), (std::vector<int>{1, 1, 2, 2}));
    EXPECT_EQ(dst.values(), (std::vector<double>{-5, -5, -5, -6}));
    tape.backward(dst, {1, 10, 100, 1000});
    EXPECT_EQ(src.gradient(), (std::vector<double>{1, 10, 0, 100, 1000, 0, 0, 0, 0}));
}

TEST(DoubleMaxPool, WindowsBeginInTheImage) {
    const DoubleTensor x = zeros_of({1, 1, 4, 4});
    EXPECT_THROW(result_of({x}, [](const Variables& v) { return max_pool(v[0], 2, 2, 2); }),
                 std::invalid_argument);
    EXPECT_THROW(result_of({x}, [](const Variables& v) { return max_pool(v[0], 5, 1, 0); }),
                 std::invalid_argument);
}

TEST(DoubleAveragePool, WindowsAreThoseOfPyTorch) {
    const auto pooled = [](const std::vector<double>& row, int width) {
        const DoubleTensor x{{1, 1, 1, static_cast<int>(row.size())}, row};
        return result_of({x}, [&](const Variables& v) { return adaptive_average_pool(v[0], 1, width); })
            .values;
    };
    expect_near(pooled({1, 2, 4, 8, 16}, 1), {6.2});
    expect_near(pooled({1, 2, 4, 8, 16}, 3), {1.5, 14.0 / 3, 12});
    expect_near(pooled({1, 2, 4, 8, 16}, 5), {1, 2, 4, 8, 16});
    expect_near(pooled({1, 3}, 7), {1, 1, 1, 2, 3, 3, 3});
}

TEST(DoubleAveragePool, Gradients) {
    for (const int size : {1, 2, 3, 7})
        EXPECT_TRUE(gradients_match({distinct_values({2, 2, 5, 4}, 1)}, [&](const Variables& v) {
            return adaptive_average_pool(v[0], size, size + 1);
        })) << size;
}

// By the definition: minus the wanted probabilities' mean logarithm.
TEST(DoubleLoss, Values) {
    const DoubleTensor x{{2, 3}, {std::log(1.0), std::log(2.0), std::log(5.0), 1000, 1000, 1000}};
    const auto loss_of = [&](const DoubleTargets& targets) {
        return result_of({x}, [&](const Variables& v) { return softmax_cross_entropy(v[0], targets); })
            .values;
    };
    const double a = -std::log(1 / 8.0), b = -std::log(2 / 8.0), c = -std::log(5 / 8.0), third = std::log(3);
    expect_near(loss_of({{1, 0}, {}}), {(b + third) / 2});
    expect_near(loss_of({{1, 0}, {}, 1, 0.3}), {(0.1 * a + 0.8 * b + 0.1 * c + third) / 2});
    expect_near(loss_of({{1, 0}, {2, 2}, 0.75}), {(0.75 * b + 0.25 * c + third) / 2});
    expect_near(loss_of({{1, 0}, {1, 1}, 0.75, 0.3}), {(0.1 * a + 0.8 * b + 0.1 * c + third) / 2});
    EXPECT_THROW(loss_of({{1}, {}}), std::invalid_argument);
    EXPECT_THROW(loss_of({{1, 0}, {1}}), std::invalid_argument);
    EXPECT_THROW(loss_of({{1, 3}, {}}), std::out_of_range);
}

TEST(DoubleLoss, Gradients) {
    for (const DoubleTargets& targets :
         {DoubleTargets{{1, 0, 3}, {}}, DoubleTargets{{1, 0, 3}, {}, 1, 0.1},
          DoubleTargets{{1, 0, 3}, {2, 2, 3}, 0.3}, DoubleTargets{{1, 0, 3}, {2, 2, 3}, 0.3, 0.2}})
        EXPECT_TRUE(gradients_match({distinct_values({3, 4}, 1)}, [&](const Variables& v) {
            return softmax_cross_entropy(v[0], targets);
        }));
}

}  // namespace
}  // namespace sparsetrain::test
