// A convolution's data, its reference results, and a way to run and check all of its passes.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "compare.h"
#include "sparsetrain/conv2d.h"
#include "sparsetrain/library.h"
#include "test_data.h"

namespace sparsetrain::test {

struct ConvProblem {
    ConvProblem(const ConvShape& conv_shape, Values data_values, Zeros data_zeros, unsigned seed);

    std::span<const float> bias_or_none(bool wanted) const {
        return wanted ? bias.values() : std::span<const float>();
    }
    // Whether every tensor is as the constructor left it, bit for bit, with its guards.
    ::testing::AssertionResult inputs_unchanged() const;

    ConvShape shape;
    Values values;
    Zeros zeros;
    Random random;
    TestTensor src, diff_dst;              // have the zeros
    TestTensor src_dense, diff_dst_dense;  // have none: bwd_weights' other operand
    TestWeights weights;
    Guarded<float> bias;

  private:
    std::vector<const Guarded<float>*> inputs() const;
    std::vector<std::vector<float>> copies() const;
    std::vector<std::vector<float>> snapshot_;
};

// What a direct convolution in double makes of a problem.
struct ConvReference {
    explicit ConvReference(const ConvProblem& problem);

    std::vector<reference::Element> forward(bool bias) const { return bias ? forward_biased : forward_plain; }
    std::vector<reference::Element> forward_relu(bool bias) const;
    // diff_src with the backward of a ReLU applied whose mask is `relu_mask`.
    std::vector<reference::Element> masked_diff_src(const TestMask& relu_mask) const;

    std::vector<reference::Element> forward_plain, forward_biased;
    std::vector<reference::Element> diff_src;
    struct Gradients {
        std::vector<reference::Element> weights, bias;
    };
    const Gradients& gradients(Operand sparse) const { return sparse == Operand::src ? by_src : by_diff_dst; }
    Gradients by_src, by_diff_dst;
};

// How a pass is asked for, beside the data.
struct Settings {
    Policy policy = Policy::automatic;
    int threads = 1;
    MaskKind mask = MaskKind::none;
    bool bias = true;
    ParallelFor pool = {};
};
std::string describe(const Settings& settings);

struct ForwardReluResult {
    TestTensor dst;
    TestMask mask;
};
struct MaskedDiffSrc {
    TestTensor diff_src;
    TestMask relu_mask;
};
struct BackwardWeightsResult {
    TestWeights diff_weights;
    std::optional<Guarded<float>> diff_bias;
};

// A plan with its packed weights and workspace. Every call writes fresh outputs, which start as NaN, and
// expects their guards to survive and the statistics to name the pass (and the kernel, unless the policy is
// automatic): dense, where the class or the pass does not have the one that the policy asks for.
class ConvRunner {
  public:
    ConvRunner(const ConvProblem& problem, Policy policy, int threads, ParallelFor pool = {},
               Choice choice = Choice::tables);

    TestTensor forward(const Settings& settings);
    ForwardReluResult forward_relu(const Settings& settings);
    TestTensor backward_data(const Settings& settings);
    // With the mask of src as relu_mask, conservative if the settings' masks are.
    MaskedDiffSrc backward_data_masked(const Settings& settings);
    // `sparse` has the problem's zeros, the other operand none. Expects zero_skip to skip the sparse one's,
    // if its mask tells for sure that it has any.
    BackwardWeightsResult backward_weights(const Settings& settings, Operand sparse);

    const RunStatistics& last_run() const { return last_run_; }

  private:
    void expect_statistics(Pass pass) const;

    const ConvProblem& problem_;
    Conv2d plan_;
    PackedWeights packed_;
    Workspace workspace_;
    RunStatistics last_run_;
    Random random_;
};

// Runs every pass that the class has and every epilogue (backward_data with and, unless the policy needs one,
// without a mask) under `settings` and expects the reference's results.
void expect_all_passes(const ConvProblem& problem, const ConvReference& reference, const Settings& settings);

// The same of passes by objects that the caller has, and may share, and that may have been used before.
void expect_passes(const ConvProblem& problem, const ConvReference& reference, const Conv2d& plan,
                   const PackedWeights& packed, Workspace& workspace);

// Guards against a test that compares zeros with zeros: where the problem has at most 50 % zeros and outputs
// of 64 elements or more, a third of every pass's results are not zero; else at least one of bwd_data's is.
void expect_meaningful(const ConvProblem& problem, const ConvReference& reference);

// The linked class of a shape.
const LayerClassInfo& layer_of(const ConvShape& shape);

inline constexpr Operand kOperands[] = {Operand::src, Operand::diff_dst};

// {dense, zero_skip, output_mask, automatic}
std::vector<Policy> all_policies();

// "n1_c16_h14_w14_k16_pad1111", the padding as top, left, bottom, right.
std::string name_of(const ConvShape& shape);

}  // namespace sparsetrain::test
