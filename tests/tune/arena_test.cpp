#include "tune/arena.h"

#include <gtest/gtest.h>

namespace sparsetrain::tune {
namespace {

TEST(Standing, IsTheGeometricMeanOfMedians) {
    const Standing standing = {{{"a", 0, {1.9, 2, 2.1}}, {"b", 50, {0.5, 0.4, 0.7}}}, "", 0};
    EXPECT_DOUBLE_EQ(standing.speed().speed, 1);  // of 2 and 0.5
    // Rounds: sqrt(1.9 * 0.5), sqrt(2 * 0.4), sqrt(2.1 * 0.7)
    EXPECT_NEAR(standing.speed().noise, (1.2124 - 0.8944) / 2, 1e-4);
}

TEST(Standing, OfOneThatWasTooSlowIsItsLastSpeed) {
    const Standing standing = {{{"a", 0, {1, 1, 1}}}, "too slow", 0.7};
    EXPECT_EQ(standing.speed().speed, 0.7);
}

TEST(Standing, OfOneThatCrashedIsNone) {
    EXPECT_EQ((Standing{{}, "crashed", 0}).speed().speed, 0);
    EXPECT_EQ(Standing{}.speed().speed, 0);
}

}  // namespace
}  // namespace sparsetrain::tune
