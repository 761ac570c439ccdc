#include "train/sgd.h"

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
    train::Parameter parameter(bool decayed) { return {"p", value, gradient, momentum, decayed}; }
    AlignedArray<float> value, gradient, momentum;
};

TEST_P(SgdTest, StepsWithMomentumAndDecay) {
    const train::Sgd sgd{0.1F, 0.9F, 0.01F};
    for (const std::size_t count : {16U, 48U, 1024U, 16384U, 16400U, 50000U})
        for (const bool decayed : {false, true}) {
            Arrays before(count), after(count);
            train::sgd_step(after.parameter(decayed), sgd, workspace);
            for (std::size_t i = 0; i < count; ++i) {
                const double decay = decayed ? 0.01 * before.value[i] : 0;
                const double momentum = 0.9 * before.momentum[i] + before.gradient[i] + decay;
                ASSERT_NEAR(after.momentum[i], momentum, 1e-6);
                ASSERT_NEAR(after.value[i], before.value[i] - 0.1 * momentum, 1e-6);
                ASSERT_EQ(after.gradient[i], before.gradient[i]);
            }
        }
}

TEST_P(SgdTest, PaddingStaysZero) {
    Arrays arrays(32);
    for (std::size_t i = 20; i < 32; ++i) arrays.value[i] = arrays.gradient[i] = arrays.momentum[i] = 0;
    train::sgd_step(arrays.parameter(true), {0.1F, 0.9F, 0.1F}, workspace);
    for (std::size_t i = 20; i < 32; ++i) EXPECT_EQ(arrays.value[i], 0);
}

TEST(SgdErrors, NameTheArrayThatDoesNotFit) {
    Workspace workspace;
    Arrays arrays(32);
    train::Parameter parameter = arrays.parameter(true);
    parameter.gradient = parameter.gradient.first(16);
    expect_invalid([&] { train::sgd_step(parameter, {}, workspace); }, {"gradient", "32", "16"});
    parameter = arrays.parameter(true);
    parameter.value = parameter.value.subspan(1, 16);
    parameter.gradient = parameter.gradient.first(16);
    parameter.momentum = parameter.momentum.first(16);
    expect_invalid([&] { train::sgd_step(parameter, {}, workspace); }, {"value", "64", "4 bytes off"});
    parameter.value = parameter.value.first(15);
    expect_invalid([&] { train::sgd_step(parameter, {}, workspace); }, {"value", "16", "15"});
}

}  // namespace
}  // namespace sparsetrain::test
