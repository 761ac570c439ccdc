#include "double_tape.h"

#include <stdexcept>

#include "double_operations.h"
#include "gradient_check.h"

namespace sparsetrain::test {
namespace {

using Variables = std::vector<Variable>;

// The square, with a derivative of `factor` x, which should be 2 x.
Variable square(Variable src, double factor) {
    DoubleTensor dst = src.value();
    for (double& value : dst.values) value *= value;
    return src.tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        for (std::size_t i = 0; i < diff_dst.size(); ++i)
            src.gradient()[i] += factor * src.values()[i] * diff_dst[i];
    });
}

TEST(GradientCheck, FindsWrongGradients) {
    const DoubleTensor x = distinct_values({3, 4}, 1);
    EXPECT_TRUE(gradients_match({x}, [](const Variables& v) { return square(v[0], 2); }));
    EXPECT_FALSE(gradients_match({x}, [](const Variables& v) { return square(v[0], 1); }));
    EXPECT_FALSE(gradients_match({x}, [](const Variables& v) { return square(v[0], 2 + 1e-5); }));
    EXPECT_FALSE(gradients_match({x}, [](const Variables& v) { return square(v[0], 0); }));
}

TEST(GradientCheck, FindsASingleWrongElementOfOneOperand) {
    const auto build = [](const Variables& v) {
        return v[0].tape().record(v[1].value(), [=](const std::vector<double>& diff_dst) {
            v[0].gradient()[0] += 1e-5;
            for (std::size_t i = 0; i < diff_dst.size(); ++i) v[1].gradient()[i] += diff_dst[i];
        });
    };
    EXPECT_FALSE(gradients_match({distinct_values({2, 3}, 1), distinct_values({2, 3}, 2)}, build));
}

TEST(GradientCheck, FindsKinks) {
    const DoubleTensor x{{3}, {0.5, 0, -0.5}};
    EXPECT_FALSE(gradients_match({x}, [](const Variables& v) { return relu(v[0]); }));
}

TEST(GradientCheck, FindsThatAnOperandIsForgotten) {
    const DoubleTensor x = distinct_values({2, 2}, 1);
    EXPECT_FALSE(gradients_match({x, x}, [](const Variables& v) { return relu(v[0]); }));
}

TEST(DoubleTape, GradientsOfAllUsesAreAdded) {
    EXPECT_TRUE(gradients_match({distinct_values({2, 5}, 1)}, [](const Variables& v) {
        return add(square(v[0], 2), add(v[0], relu(v[0])));
    }));
}

TEST(DoubleTape, WhatTheResultDoesNotDependOnHasGradientZero) {
    const DoubleTensor a = distinct_values({2}, 1), b = distinct_values({2}, 2);
    DoubleTape tape;
    const Variable used = tape.leaf(a), unused = tape.leaf(b);
    const Variable result = relu(used);
    relu(unused);
    tape.backward(result, {1, 1});
    EXPECT_EQ(unused.gradient(), (std::vector<double>{0, 0}));
}

TEST(DoubleTape, AGradientHasTheShapeOfItsValue) {
    const DoubleTensor a = distinct_values({2}, 1);
    DoubleTape tape;
    EXPECT_THROW(tape.backward(relu(tape.leaf(a))), std::invalid_argument);
}

TEST(DoubleTensor, SizesArePositive) {
    EXPECT_EQ(zeros_of({2, 3}).values, std::vector<double>(6));
    EXPECT_THROW(zeros_of({2, 0}), std::invalid_argument);
}

}  // namespace
}  // namespace sparsetrain::test
