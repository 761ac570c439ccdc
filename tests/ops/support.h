// Data and plain views for tests of operators.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "checks.h"
#include "sparsetrain/error.h"
#include "sparsetrain/tensor.h"

namespace sparsetrain::test {

// Where (n, c, y, x) lies in NCHW16c.
inline std::size_t at(const Shape& s, int n, int c, int y, int x) {
    const int pixel = ((n * channel_blocks(s.c) + c / kLanes) * s.h + y) * s.w + x;
    return static_cast<std::size_t>(pixel) * kLanes + static_cast<std::size_t>(c % kLanes);
}

// The bit of channel c in a mask of `s`.
inline bool bit(ConstMaskView mask, int n, int c, int y, int x) {
    return (mask.data[at(mask.shape, n, c, y, x) / kLanes] >> (c % kLanes) & 1) != 0;
}

// Calls visit(n, c, y, x) for every logical element.
template <typename Visit>
void for_each(const Shape& s, Visit visit) {
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x) visit(n, c, y, x);
}

// As for_each, for the lanes that pad C to 16.
template <typename Visit>
void for_each_padding(const Shape& s, Visit visit) {
    for_each({s.n, channel_blocks(s.c) * kLanes, s.h, s.w}, [&](int n, int c, int y, int x) {
        if (c >= s.c) visit(n, c, y, x);
    });
}

// Integers from -3 to 3, so that equal neighbours, zeros and both signs are frequent and sums are exact.
inline Tensor small_integers(const Shape& shape, unsigned seed) {
    std::mt19937 engine(seed);
    Tensor tensor(shape);
    for_each(shape, [&](int n, int c, int y, int x) {
        tensor.values()[at(shape, n, c, y, x)] = static_cast<float>(engine() % 7) - 3.0F;
    });
    return tensor;
}

// A tensor full of something that no operator may leave behind.
inline Tensor stale(const Shape& shape) {
    Tensor tensor(shape);
    for (float& value : tensor.values()) value = -77.0F;
    return tensor;
}
inline Mask stale_mask(const Shape& shape) {
    Mask mask(shape);
    for (std::size_t i = 0; i < shape.pixels(); ++i) mask.view().data[i] = 0xA5A5;
    return mask;
}

// Every tail: N 1 and 3, C below, at and beyond whole blocks, H and W from 1 to 9.
inline std::vector<Shape> tail_shapes(int smallest_side = 1) {
    std::vector<Shape> shapes;
    for (const int c : {1, 15, 16, 17, 40})
        for (int side = smallest_side; side <= 9; ++side)
            shapes.push_back({side % 2 == 0 ? 1 : 3, c, side, smallest_side + 9 - side});
    shapes.push_back({5, 64, 9, 9});
    shapes.push_back({2, 33, 28, 28});
    return shapes;
}

inline std::string text(const Shape& s) {
    return detail::to_text(s);
}

// Runs `call` and expects an Error(invalid_argument) whose message holds every one of `words`.
template <typename Call>
void expect_invalid(Call call, const std::vector<std::string>& words) {
    try {
        call();
        ADD_FAILURE() << "no error; expected one with " << words.front();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        for (const std::string& word : words)
            EXPECT_NE(std::string(error.what()).find(word), std::string::npos)
                << "'" << word << "' is not in: " << error.what();
    }
}

}  // namespace sparsetrain::test
