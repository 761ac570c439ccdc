// The memory of one Workspace that serves ever wider images, beside what the widest needs alone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "class_and_policy.h"
#include "conv_shapes.h"

namespace sparsetrain::test {
namespace {

constexpr int kWidest = 512;

long resident_bytes() {
    long total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * sysconf(_SC_PAGESIZE);
}

class ConvMemory : public ClassAndPolicyTest {
  protected:
    ConvShape shape(int width) const { return shape_of(layer(), {1, 64, 16, width, 64, {1, 1, 1, 1}}); }

    void run(Workspace& workspace, int width, Policy by) {
        const Conv2d plan(shape(width), by);
        const ConstTensorView src{src_.view().data, plan.shape().src},
            diff_dst{diff_dst_.view().data, plan.shape().dst()};
        plan.forward(src, packed_, {}, {dst_.view().data, diff_dst.shape}, workspace);
        if (layer().backward_data) {
            plan.backward_data(diff_dst, packed_, {diff_src_.view().data, src.shape}, workspace,
                               {relu_mask_.view().data, src.shape});
        }
        plan.backward_weights(src, diff_dst, diff_weights_.view(), {}, workspace);
    }

    // By every kernel that the policy may choose: for other widths, `auto` may choose another one.
    void run_widest(Workspace& workspace) {
        for (const Policy one : policies())
            if (one == policy() || policy() == Policy::automatic) run(workspace, kWidest, one);
    }

    const ConvShape widest_ = shape(kWidest);
    TestTensor src_ = make_tensor(widest_.src, Values::integers, {50}, random_), diff_src_{widest_.src};
    TestTensor diff_dst_ = make_tensor(widest_.dst(), Values::integers, {50}, random_), dst_{widest_.dst()};
    TestMask relu_mask_{widest_.src};
    TestWeights weights_ = make_weights(widest_.weights(), Values::integers, random_);
    TestWeights diff_weights_{widest_.weights()};
    PackedWeights packed_{weights_.view()};

  private:
    static inline Random random_{1};
};

TEST_P(ConvMemory, IsAboutThatOfTheWidestImage) {
    constexpr long kNoise = 1 << 20;
    {
        Workspace warm;
        run_widest(warm);
    }
    const long before = resident_bytes();
    long alone = 0;
    {
        Workspace workspace;
        for (int i = 0; i < 3; ++i) run_widest(workspace);  // what the first call learns, the next ones keep
        alone = resident_bytes() - before;
    }
    Workspace workspace;
    for (int width = 16; width <= kWidest; width += 4) run(workspace, width, policy());
    EXPECT_LE(resident_bytes() - before, alone * 3 / 2 + kNoise);
}

INSTANTIATE_TEST_SUITE_P(Classes, ConvMemory, every_class_and_policy(), name_of_class_and_policy);

}  // namespace
}  // namespace sparsetrain::test
