// Requests that must be refused.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <string>

#include "sparsetrain/error.h"

namespace sparsetrain::test {

// Expects `call` to throw Error(code) whose message has all of `parts`, and to print nothing.
inline void expect_error(ErrorCode code, std::initializer_list<std::string> parts,
                         const std::function<void()>& call) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    std::string message;
    try {
        call();
    } catch (const Error& error) {
        message = error.what();
        EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << message;
    }
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    EXPECT_NE(message, "") << "no Error was thrown";
    for (const std::string& part : parts)
        EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
}

}  // namespace sparsetrain::test
