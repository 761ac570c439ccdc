// That zeros are not multiplied: what is not finite shows behind a zero just where the kernel multiplies.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// Non-finite values that meet only zeros. If zeros are skipped they leave no trace; if they are
// multiplied the results are NaN. This is the documented difference of zero_skip, and counts what it skips.
class ConvSkips : public ::testing::TestWithParam<LayerClassInfo> {
  protected:
    ConvSkips()
        : problem(shape_of(GetParam(), {2, 40, 9, 11, 48, {1, 1, 1, 1}}), Values::integers, {50}, 3) {}

    // Makes a channel of the tensor zero.
    static void clear_channel(const TestTensor& tensor, int c) {
        for (int n = 0; n < tensor.shape.n; ++n)
            for (int y = 0; y < tensor.shape.h; ++y)
                for (int x = 0; x < tensor.shape.w; ++x)
                    tensor.memory[reference::lane_offset(tensor.shape, n, c, y, x)] =
                        c % 2 != 0 ? -0.0f : 0.0f;
    }
    // Calls visit(k, c, r, s, weight) in the order of the reference's results.
    template <typename Visit>
    static void for_each(const TestWeights& weights, Visit visit) {
        for (int k = 0; k < weights.shape.k; ++k)
            for (int c = 0; c < weights.shape.c; ++c)
                for (int r = 0; r < weights.shape.r; ++r)
                    for (int s = 0; s < weights.shape.s; ++s) visit(k, c, r, s, weights.at(k, c, r, s));
    }
    struct Pixel {
        int n, y, x;
    };
    // The source that a tap of the filter meets at a pixel of dst; null in the padding.
    float* source_at(const TestTensor& tensor, const Pixel& dst, int c, int r, int s) {
        const Shape& src = tensor.shape;
        const int y = dst.y * problem.shape.stride + r - problem.shape.padding.top;
        const int x = dst.x * problem.shape.stride + s - problem.shape.padding.left;
        if (y < 0 || y >= src.h || x < 0 || x >= src.w) return nullptr;
        return &tensor.memory[reference::lane_offset(src, dst.n, c, y, x)];
    }
    TestWeights diff_weights(Settings settings, Operand sparse) {
        settings.bias = false;
        ConvRunner runner(problem, settings.policy, settings.threads);
        TestWeights result = runner.backward_weights(settings, sparse).diff_weights;
        EXPECT_EQ(runner.last_run().skipped, sparse);
        return result;
    }
    // Expects zeros for the channels of `sparse` that are cleared, though all the other operand is NaN.
    void expect_cleared_channels_left_out(Operand sparse, const std::set<int>& cleared) {
        const auto left_out = [&](int k, int c) { return cleared.contains(sparse == Operand::src ? c : k); };
        for (const Settings& settings : settings_for(Policy::zero_skip)) {
            SCOPED_TRACE(describe(settings));
            for_each(diff_weights(settings, sparse), [&](int k, int c, int r, int s, float value) {
                if (left_out(k, c)) {
                    ASSERT_EQ(value, 0) << k << " " << c << " " << r << " " << s;
                } else {
                    ASSERT_TRUE(std::isnan(value)) << k << " " << c << " " << r << " " << s;
                }
            });
        }
        for (const Settings& settings : settings_for(Policy::dense)) {
            for_each(diff_weights(settings, sparse), [&](int, int c, int, int, float value) {
                ASSERT_TRUE(std::isnan(value)) << describe(settings) << " channel " << c;
            });
        }
    }
    // Expects NaN just in those gradients of which meets_nan(k, c, r, s), else `expected`; returns how many.
    template <typename MeetsNan>
    std::size_t expect_nans(Operand sparse, const std::vector<reference::Element>& expected,
                            const Settings& settings, MeetsNan meets_nan) {
        std::size_t index = 0, count = 0;
        for_each(diff_weights(settings, sparse), [&](int k, int c, int r, int s, float value) {
            const reference::Element& finite = expected[index++];
            if (meets_nan(k, c, r, s)) {
                ASSERT_TRUE(std::isnan(value)) << k << " " << c << " " << r << " " << s;
                ++count;
            } else {
                ASSERT_EQ(value, finite.value) << k << " " << c << " " << r << " " << s;
            }
        });
        return count;
    }
    static long nans(const Guarded<float>& memory) {
        return std::count_if(memory.values().begin(), memory.values().end(),
                             [](float value) { return std::isnan(value); });
    }
    static std::vector<Settings> settings_for(Policy policy) {
        return {{policy, 1, MaskKind::none, true}, {policy, 2, MaskKind::exact, true}};
    }

    ConvProblem problem;
};

TEST_P(ConvSkips, ForwardLeavesOutWeightsOfZeroChannels) {
    for (const int c : {0, 5, 16, 33, 39}) clear_channel(problem.src, c);
    const auto expected = ConvReference(problem).forward(true);
    for_each(problem.weights, [](int k, int c, int, int, float& weight) {
        if (c == 0 || c == 5 || c == 16 || c == 33 || c == 39) weight = k % 2 != 0 ? kNaN : kInf;
    });
    for (const Settings& settings : settings_for(Policy::zero_skip)) {
        EXPECT_TRUE(matches(expected,
                            ConvRunner(problem, settings.policy, settings.threads).forward(settings), kExact))
            << describe(settings);
    }
    for (const Settings& settings : settings_for(Policy::dense)) {
        EXPECT_GT(nans(ConvRunner(problem, settings.policy, settings.threads).forward(settings).memory), 0)
            << describe(settings);
    }
}

TEST_P(ConvSkips, BackwardDataLeavesOutWeightsOfZeroChannels) {
    for (const int k : {0, 5, 16, 33, 35}) clear_channel(problem.diff_dst, k);
    const auto expected = ConvReference(problem).diff_src;
    for_each(problem.weights, [](int k, int c, int, int, float& weight) {
        if (k == 0 || k == 5 || k == 16 || k == 33 || k == 35) weight = c % 2 != 0 ? kNaN : kInf;
    });
    for (const Settings& settings : settings_for(Policy::zero_skip)) {
        EXPECT_TRUE(matches(
            expected, ConvRunner(problem, settings.policy, settings.threads).backward_data(settings), kExact))
            << describe(settings);
    }
    for (const Settings& settings : settings_for(Policy::dense)) {
        EXPECT_GT(nans(ConvRunner(problem, settings.policy, settings.threads).backward_data(settings).memory),
                  0)
            << describe(settings);
    }
}

TEST_P(ConvSkips, BackwardWeightsLeavesOutDiffDstOfZeroChannels) {
    const std::set<int> cleared = {0, 5, 16, 33, 39};
    for (const int c : cleared) clear_channel(problem.src, c);
    std::fill_n(problem.diff_dst_dense.memory.data(), problem.diff_dst_dense.memory.size(), kNaN);
    expect_cleared_channels_left_out(Operand::src, cleared);
}

TEST_P(ConvSkips, BackwardWeightsLeavesOutSrcOfZeroChannels) {
    const std::set<int> cleared = {0, 5, 16, 33, 47};
    for (const int k : cleared) clear_channel(problem.diff_dst, k);
    std::fill_n(problem.src_dense.memory.data(), problem.src_dense.memory.size(), kNaN);
    expect_cleared_channels_left_out(Operand::diff_dst, cleared);
}

// A NaN in diff_dst reaches a tap's gradient just where the source pixel under that tap is not zero.
TEST_P(ConvSkips, BackwardWeightsLeavesOutDiffDstOfZeroPixels) {
    const Shape dst = problem.shape.dst();
    const Pixel bad[] = {{0, 0, 0}, {0, dst.h / 2, dst.w / 2}, {1, dst.h - 1, dst.w - 1}};
    for (const Pixel& pixel : bad)
        for_each(problem.weights, [&](int, int c, int r, int s, float) {
            float* source = source_at(problem.src, pixel, c, r, s);
            if (source != nullptr && (c == 5 || c == 33)) *source = 0;
        });
    const auto expected = ConvReference(problem).by_src.weights;  // before the NaN
    for (const Pixel& pixel : bad)
        for (int k = 0; k < dst.c; ++k)
            problem.diff_dst_dense.memory[reference::lane_offset(dst, pixel.n, k, pixel.y, pixel.x)] = kNaN;
    const auto meets_nan = [&](int, int c, int r, int s) {
        return std::any_of(std::begin(bad), std::end(bad), [&](const Pixel& pixel) {
            const float* source = source_at(problem.src, pixel, c, r, s);
            return source != nullptr && *source != 0;
        });
    };
    for (const Settings& settings : settings_for(Policy::zero_skip)) {
        SCOPED_TRACE(describe(settings));
        EXPECT_GT(expect_nans(Operand::src, expected, settings, meets_nan), 100U);
    }
    const int r = problem.shape.filter_h / 2, s = problem.shape.filter_w / 2;
    for (const int c : {5, 33}) EXPECT_FALSE(meets_nan(0, c, r, s));
}

// A NaN in src reaches a tap's gradient just where the output pixel that it meets there is not zero.
TEST_P(ConvSkips, BackwardWeightsLeavesOutSrcOfZeroPixels) {
    const Shape src = problem.shape.src, dst = problem.shape.dst();
    const Pixel bad[] = {{0, 0, 0}, {0, src.h / 2, src.w / 2}, {1, src.h - 1, src.w - 1}};
    const auto is_bad = [&](const float* source) {
        return std::any_of(std::begin(bad), std::end(bad), [&](const Pixel& p) {
            return source == &problem.src_dense.memory[reference::lane_offset(src, p.n, 0, p.y, p.x)];
        });
    };
    // Whether output channel k has a nonzero where tap (r, s) meets one of the bad pixels.
    const auto meets_nan = [&](int k, int, int r, int s) {
        for (int n = 0; n < dst.n; ++n)
            for (int y = 0; y < dst.h; ++y)
                for (int x = 0; x < dst.w; ++x) {
                    float& gradient = problem.diff_dst.memory[reference::lane_offset(dst, n, k, y, x)];
                    if (!is_bad(source_at(problem.src_dense, {n, y, x}, 0, r, s))) continue;
                    if (k == 5 || k == 33) gradient = 0;
                    if (gradient != 0) return true;
                }
        return false;
    };
    for_each(problem.weights, [&](int k, int c, int r, int s, float) { meets_nan(k, c, r, s); });
    const auto expected = ConvReference(problem).by_diff_dst.weights;  // before the NaN
    for (const Pixel& p : bad)
        for (int c = 0; c < src.c; ++c)
            problem.src_dense.memory[reference::lane_offset(src, p.n, c, p.y, p.x)] = kNaN;
    for (const Settings& settings : settings_for(Policy::zero_skip)) {
        SCOPED_TRACE(describe(settings));
        EXPECT_GT(expect_nans(Operand::diff_dst, expected, settings, meets_nan), 100U);
    }
    const int r = problem.shape.filter_h / 2, s = problem.shape.filter_w / 2;
    for (const int k : {5, 33}) EXPECT_FALSE(meets_nan(k, 0, r, s));
}

// A NaN of diff_dst reaches what a ReLU's mask keeps around it, and nothing that it does not keep.
TEST_P(ConvSkips, NonFiniteGradientsShowWhereTheMaskKeepsThem) {
    const Shape dst = problem.shape.dst();
    problem.diff_dst.memory[reference::lane_offset(dst, 1, 7, dst.h / 2, dst.w / 2)] = kNaN;
    for (const Policy policy : all_policies()) {
        const Settings settings{policy, 1, MaskKind::none, true};
        SCOPED_TRACE(describe(settings));
        const MaskedDiffSrc result = ConvRunner(problem, policy, 1).backward_data_masked(settings);
        EXPECT_GT(nans(result.diff_src.memory), 0);
        for (std::size_t i = 0; i < result.diff_src.memory.size(); ++i) {
            if ((result.relu_mask.memory[i / kLanes] >> (i % kLanes) & 1) == 0) {
                ASSERT_EQ(result.diff_src.memory[i], 0) << i;
            }
        }
    }
}

class ConvNonFinite : public ConvSkips {};

// Non-finite inputs that are not zero must show, whatever the kernel.
TEST_P(ConvNonFinite, ValuesThatMeetNonzerosShow) {
    for (const Policy policy : all_policies()) {
        problem.src.memory[reference::lane_offset(problem.src.shape, 0, 0, 4, 4)] = kNaN;
        const Settings settings{policy, 1, MaskKind::none, true};
        ConvRunner runner(problem, policy, 1);
        EXPECT_GT(nans(runner.forward(settings).memory), 0) << describe(settings);
        const ForwardReluResult activated = runner.forward_relu(settings);
        EXPECT_GT(nans(activated.dst.memory), 0) << describe(settings);
        EXPECT_TRUE(marks_nonzeros_of(activated.dst, activated.mask)) << describe(settings);
    }
}

std::string name(const ::testing::TestParamInfo<LayerClassInfo>& info) {
    return info.param.name;
}

// On `baseline` no class skips zeros.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConvSkips);
INSTANTIATE_TEST_SUITE_P(Classes, ConvSkips, ::testing::ValuesIn(classes_with(&LayerClassInfo::skips_zeros)),
                         name);
INSTANTIATE_TEST_SUITE_P(Classes, ConvNonFinite, ::testing::ValuesIn(layer_classes()), name);

}  // namespace
}  // namespace sparsetrain::test
