// Comparison of what the library computed with the reference.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "direct_convolution.h"
#include "test_data.h"

namespace sparsetrain::test {

// exact: equal to the reference (data of Values::integers); rounded: within reference::rounding_bound.
enum class Precision { exact, rounded };

inline Precision precision_of(Values values) {
    return values == Values::integers ? Precision::exact : Precision::rounded;
}

// Each compares every logical element, and expects 0 in the lanes beyond the last channel. A result of NaN
// never passes.
::testing::AssertionResult matches(const std::vector<reference::Element>& expected, const TestTensor& result,
                                   Precision precision);
::testing::AssertionResult matches(const std::vector<reference::Element>& expected, const TestWeights& result,
                                   Precision precision);
::testing::AssertionResult matches(const std::vector<reference::Element>& expected,
                                   const Guarded<float>& result, Precision precision);

// Whether a bit is set exactly where the value is not zero, lanes beyond C included.
::testing::AssertionResult marks_nonzeros_of(const TestTensor& tensor, const TestMask& mask);

// Bit for bit: also distinguishes zeros' signs and NaNs.
::testing::AssertionResult same_bits(std::span<const float> a, std::span<const float> b);

// Among the elements that have terms at all: some filter taps meet only padding.
double nonzero_fraction(const std::vector<reference::Element>& elements);

}  // namespace sparsetrain::test
