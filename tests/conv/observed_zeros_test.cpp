// Zeros counted from a mask or a sample of rows.
#include "observed_zeros.h"

#include <gtest/gtest.h>

#include "test_data.h"

namespace sparsetrain::test {
namespace {

TEST(ObservedZeros, OfAMaskAreExact) {
    Random random(1);
    Workspace workspace(2);
    for (const int channels : {1, 16, 33}) {
        const TestTensor tensor = make_tensor({2, channels, 7, 9}, Values::reals, {40}, random);
        const TestMask mask = make_mask(tensor, MaskKind::exact, random);
        EXPECT_NEAR(detail::observe_zeros("test", {tensor.view(), mask.view()}, workspace),
                    zero_percent(tensor), 1e-9);
    }
}

// Tensors of every number of rows around the distance of samples, with and without padding lanes.
TEST(ObservedZeros, OfSamplesCoverSmallTensors) {
    Random random(1);
    Workspace workspace(2);
    for (const int channels : {1, 15, 16, 17}) {
        for (int rows = 1; rows <= 140; ++rows) {
            const Shape shape{1, channels, rows, 3};
            EXPECT_EQ(detail::observe_zeros("test", make_tensor(shape, Values::reals, {0}, random).view(),
                                            workspace),
                      0);
            EXPECT_EQ(detail::observe_zeros("test", make_tensor(shape, Values::reals, {100}, random).view(),
                                            workspace),
                      100);
        }
    }
}

}  // namespace
}  // namespace sparsetrain::test
