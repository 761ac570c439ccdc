// Comparison of what the library computed with the reference.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "direct_convolution.h"
#include "sparsetrain/library.h"
#include "test_data.h"

namespace sparsetrain::test {

// How near to the reference: what its sums may lose in float, nothing (data of Values::integers) or
// reference::rounding_bound, and what a kernel may lose besides, in units of the expected results' RMS.
struct Precision {
    bool sums_are_exact = true;
    double error_bound = 0;
};
inline constexpr Precision kExact{};

// Of every kernel that a policy may run.
Precision precision_of(Values values, const LayerClassInfo& layer, Pass pass, Policy policy);

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
