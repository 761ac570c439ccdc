// Tests that run for every linked layer class and every policy.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::test {

using ClassAndPolicy = std::tuple<LayerClassInfo, Policy>;

class ClassAndPolicyTest : public ::testing::TestWithParam<ClassAndPolicy> {
  protected:
    const LayerClassInfo& layer() const { return std::get<0>(GetParam()); }
    Policy policy() const { return std::get<1>(GetParam()); }
};

inline auto every_class_and_policy() {
    return ::testing::Combine(::testing::ValuesIn(layer_classes()), ::testing::ValuesIn(all_policies()));
}

inline std::string name_of_class_and_policy(const ::testing::TestParamInfo<ClassAndPolicy>& info) {
    return std::string(std::get<0>(info.param).name) + "_" + to_string(std::get<1>(info.param));
}

}  // namespace sparsetrain::test
