// A build with -DSPARSETRAIN_SCHEDULES, of which conv3x3_stride1 is linked.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/zero_skip.h"
#include "layer_class.h"
#include "schedules/costs.h"
#include "schedules/tables.h"
#include "sparsetrain/conv2d.h"
#include "sparsetrain/library.h"

namespace sparsetrain {
namespace {

TEST(Tuned, IsWhatRuns) {
    EXPECT_STREQ(microarchitecture(), "tuned");
    EXPECT_STREQ(schedules::kAllTables[0]->name, "tuned");
    EXPECT_STREQ(instruction_set(), schedules::kAllTables[0]->isa);
}

TEST(Tuned, KernelsHaveTheRowsOfTheFile) {
    const auto classes = detail::linked_layer_classes();
    ASSERT_EQ(classes.size(), 1U);
    int compared = 0;
    for (const detail::ConvKernel* listed : classes[0]->kernels) {
        const auto* kernel = dynamic_cast<const detail::ZeroSkipKernel*>(listed);
        if (kernel == nullptr) continue;
        const auto* row = schedules::tables_of("tuned")->zero_skip.find(
            "conv3x3_stride1", to_string(kernel->pass), kernel->blocking);
        ASSERT_NE(row, nullptr);
        EXPECT_EQ(kernel->row.group, row->group);
        EXPECT_EQ(kernel->row.k_vectors, row->k_vectors);
        EXPECT_EQ(kernel->row.rows, row->rows);
        EXPECT_EQ(kernel->row.pixels, row->pixels);
        ++compared;
    }
    EXPECT_GE(compared, 2);
}

TEST(Tuned, KernelsHaveTheCostsOfTheFile) {
    int compared = 0;
    for (const schedules::CostRow& row : schedules::tuned::kCosts) {
        const schedules::Cost cost =
            schedules::cost_of("tuned", row.layer_class, row.pass, row.kernel, row.of);
        EXPECT_EQ(cost.fixed, row.cost.fixed);
        EXPECT_EQ(cost.few, row.cost.few);
        EXPECT_EQ(cost.work, row.cost.work);
        if (schedules::same_name(row.layer_class, "conv3x3_stride1")) ++compared;
    }
    EXPECT_GE(compared, 4);
}

// Small integers: equal in any order of sums.
TEST(Tuned, KernelsAgree) {
    const ConvShape shape{.src = {2, 128, 14, 14}, .k = 128, .padding = {1, 1, 1, 1}};
    Tensor src(shape.src);
    Weights weights(shape.weights());
    int next = 0;
    for (float& value : src.values()) {
        ++next;
        value = static_cast<float>(next % 5 * (next / 7 % 2));
    }
    for (float& value : weights.values()) value = static_cast<float>(++next % 7 - 3);
    const PackedWeights packed(weights.view());
    Workspace workspace(1);
    Tensor by_dense(shape.dst()), by_zero_skip(shape.dst());
    Conv2d(shape, Policy::dense).forward(src.view(), packed, {}, by_dense.view(), workspace);
    const RunStatistics run =
        Conv2d(shape, Policy::zero_skip).forward(src.view(), packed, {}, by_zero_skip.view(), workspace);
    EXPECT_EQ(run.kernel, Kernel::zero_skip);
    EXPECT_TRUE(std::ranges::equal(by_dense.values(), by_zero_skip.values()));
    EXPECT_TRUE(std::ranges::any_of(by_dense.values(), [](float value) { return value != 0; }));
}

}  // namespace
}  // namespace sparsetrain
