// What tests of problem strings, alone and in files, expect of what was read.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/error.h"

namespace sparsetrain::bench {

// The message of the Error that `call` throws.
template <typename Call>
std::string error_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

inline void expect_equal(const ConvShape& found, const ConvShape& expected, const std::string& problem) {
    EXPECT_EQ(found.src, expected.src) << problem;
    EXPECT_EQ(found.k, expected.k) << problem;
    EXPECT_EQ(found.filter_h, expected.filter_h) << problem;
    EXPECT_EQ(found.filter_w, expected.filter_w) << problem;
    EXPECT_EQ(found.stride, expected.stride) << problem;
    EXPECT_EQ(found.padding, expected.padding) << problem;
}

}  // namespace sparsetrain::bench
