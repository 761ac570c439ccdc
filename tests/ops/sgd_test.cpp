#include "sparsetrain/sgd.h"

#include "support.h"

namespace sparsetrain::test {
namespace {

class SgdTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, SgdTest, testing::Values(1, 2));

struct Arrays {
    explicit Arrays(std::size_t count) : value(count), gradient(count), momentum(count) {
        std::mt19937 engine(static_cast<unsigned>(count));
        for (auto* array : {&value, &gradient, &momentum})
            for (float& x : *array) x = static_cast<float>(engine() % 2001) / 1000.0F - 1.0F;
    }
    void step(const Sgd& sgd, Workspace& workspace) { sgd_step(value, gradient, momentum, sgd, workspace); }

    AlignedArray<float> value, gradient, momentum;
};

TEST_P(SgdTest, StepsWithMomentumAndDecay) {
    for (const std::size_t count : {1U, 15U, 16U, 17U, 48U, 1024U, 16383U, 16384U, 16385U, 50000U})
        for (const float decay : {0.0F, 0.01F})
            for (const bool nesterov : {false, true}) {
                Arrays before(count), after(count);
                after.step({0.1F, 0.9F, decay, nesterov}, workspace);
                for (std::size_t i = 0; i < count; ++i) {
                    const double step = before.gradient[i] + double{decay} * before.value[i];
                    const double momentum = 0.9 * before.momentum[i] + step;
                    const double ahead = nesterov ? step + 0.9 * momentum : momentum;
                    ASSERT_NEAR(after.momentum[i], momentum, 1e-6);
                    ASSERT_NEAR(after.value[i], before.value[i] - 0.1 * ahead, 1e-6);
                    ASSERT_EQ(after.gradient[i], before.gradient[i]);
                }
            }
}

// That lies anywhere, as in an array of all gradients.
TEST_P(SgdTest, TheGradientNeedsNoAlignment) {
    Arrays aligned(100), other(100);
    AlignedArray<float> shifted(101);
    std::copy(aligned.gradient.begin(), aligned.gradient.end(), shifted.begin() + 1);
    aligned.step({0.1F, 0.9F, 0.1F}, workspace);
    sgd_step(other.value, std::span(shifted).subspan(1), other.momentum, {0.1F, 0.9F, 0.1F}, workspace);
    for (std::size_t i = 0; i < 100; ++i) ASSERT_EQ(other.value[i], aligned.value[i]);
}

TEST_P(SgdTest, PaddingStaysZero) {
    Arrays arrays(32);
    for (std::size_t i = 20; i < 32; ++i) arrays.value[i] = arrays.gradient[i] = arrays.momentum[i] = 0;
    arrays.step({0.1F, 0.9F, 0.1F}, workspace);
    for (std::size_t i = 20; i < 32; ++i) EXPECT_EQ(arrays.value[i], 0);
}

TEST(SgdErrors, NameTheArrayThatDoesNotFit) {
    Workspace workspace;
    Arrays arrays(32);
    const std::span<float> value = arrays.value, gradient = arrays.gradient, momentum = arrays.momentum;
    expect_invalid([&] { sgd_step(value, gradient.first(16), momentum, {}, workspace); },
                   {"sgd_step", "gradient", "32", "16"});
    expect_invalid([&] { sgd_step({}, {}, {}, {}, workspace); }, {"value", "at least 1", "0"});
    expect_invalid([&] { sgd_step(value, gradient, value, {}, workspace); },
                   {"value", "momentum", "overlaps"});
}

}  // namespace
}  // namespace sparsetrain::test
