// The arrays of these tests, and those that operators own, lie between inaccessible pages.
#include <gtest/gtest-spi.h>

#include "support.h"

namespace sparsetrain::test {
namespace {

TEST(GuardsDeathTest, StopWhoeverLeavesATensor) {
    Tensor tensor({1, 16, 3, 5});
    volatile float* const values = tensor.values().data();
    volatile int end = 16 * 3 * 5, page = 4096 / sizeof(float);  // the compiler would see what is wrong
    EXPECT_DEATH(values[end] = 1, "");
    EXPECT_DEATH(static_cast<void>(values[end]), "");
    EXPECT_DEATH(static_cast<void>(values[-page]), "");
}

// A mask's end may be up to alignment away from the page behind it.
TEST(Guards, NoticeWhatIsWrittenBesideAMask) {
    EXPECT_NONFATAL_FAILURE(
        {
            Mask mask({1, 16, 1, 1});
            volatile int end = 1;
            mask.view().data[end] = 0;
        },
        "something wrote beside an array of 2 bytes");
}

}  // namespace
}  // namespace sparsetrain::test
