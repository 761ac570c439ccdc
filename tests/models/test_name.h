// Names of tests that have a model as their parameter.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sparsetrain::test {

// GoogleTest wants letters, digits and underscores.
inline std::string test_name(const testing::TestParamInfo<std::string>& model) {
    std::string name = model.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

}  // namespace sparsetrain::test
