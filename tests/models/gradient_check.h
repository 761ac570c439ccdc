// Gradients of a DoubleTape against finite differences.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "double_tape.h"

namespace sparsetrain::test {

// An operation, or several, on its operands.
using Build = std::function<Variable(const std::vector<Variable>& operands)>;

// Distinct values in (-1, 1) in random order, none of them 0: all differ by 2 / count, and from 0 by 0.5 /
// count.
DoubleTensor distinct_values(const std::vector<int>& shape, unsigned seed);

// Whether the tape's gradient of a weighted sum of the result is, for each element of each operand, the
// central difference within 1e-6 of itself, and for each operand somewhere not 0. Kinks must be further than
// 1e-5 away.
testing::AssertionResult gradients_match(std::vector<DoubleTensor> operands, const Build& build);

}  // namespace sparsetrain::test
