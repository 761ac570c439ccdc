#include "conv_problem.h"

#include <stdexcept>
#include <utility>

namespace sparsetrain::test {

namespace {

using reference::Element;

// The operand as the settings want it given: with no mask, its exact one, or one with needless bits.
class MaskedInput {
  public:
    MaskedInput(const TestTensor& tensor, MaskKind kind, Random& random) : tensor_(tensor) {
        if (kind != MaskKind::none) mask_.emplace(make_mask(tensor, kind, random));
    }
    operator SparseInput() const {
        return {tensor_.view(), mask_ ? ConstMaskView(mask_->view()) : ConstMaskView()};
    }

  private:
    const TestTensor& tensor_;
    std::optional<TestMask> mask_;
};

Guarded<float> make_bias(int k, Values values, Random& random) {
    Guarded<float> bias(static_cast<std::size_t>(k));
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = random_value(values, random);
    return bias;
}

void expect_a_third_nonzero(const char* name, const std::vector<Element>& elements) {
    if (elements.size() >= 64) {
        EXPECT_GE(nonzero_fraction(elements), 1.0 / 3) << name << " is mostly zero by accident";
    }
}

}  // namespace

ConvProblem::ConvProblem(const ConvShape& conv_shape, Values data_values, Zeros data_zeros, unsigned seed)
    : shape(conv_shape),
      values(data_values),
      zeros(data_zeros),
      random(seed),
      src(make_tensor(shape.src, values, zeros, random)),
      diff_dst(make_tensor(shape.dst(), values, zeros, random)),
      src_dense(make_tensor(shape.src, values, {}, random)),
      diff_dst_dense(make_tensor(shape.dst(), values, {}, random)),
      weights(make_weights(shape.weights(), values, random)),
      bias(make_bias(shape.k, values, random)),
      snapshot_(copies()) {}

std::vector<const Guarded<float>*> ConvProblem::inputs() const {
    return {&src.memory, &diff_dst.memory, &src_dense.memory, &diff_dst_dense.memory, &weights.memory, &bias};
}

std::vector<std::vector<float>> ConvProblem::copies() const {
    std::vector<std::vector<float>> copies;
    for (const Guarded<float>* memory : inputs())
        copies.emplace_back(memory->values().begin(), memory->values().end());
    return copies;
}

::testing::AssertionResult ConvProblem::inputs_unchanged() const {
    constexpr const char* kNames[] = {"src", "diff_dst", "dense src", "dense diff_dst", "weights", "bias"};
    const std::vector<std::vector<float>> now = copies();
    for (std::size_t i = 0; i < now.size(); ++i) {
        if (const auto same = same_bits(snapshot_[i], now[i]); !same)
            return ::testing::AssertionFailure() << kNames[i] << " changed: " << same.message();
    }
    for (const Guarded<float>* memory : inputs()) {
        if (!memory->guards_intact()) return ::testing::AssertionFailure() << "memory near an input changed";
    }
    return ::testing::AssertionSuccess();
}

ConvReference::ConvReference(const ConvProblem& p)
    : forward_plain(reference::forward(p.shape, p.src.view(), p.weights.view(), {})),
      forward_biased(forward_plain),
      diff_src(reference::backward_data(p.shape, p.diff_dst.view(), p.weights.view())),
      by_src{reference::backward_weights(p.shape, p.src.view(), p.diff_dst_dense.view()),
             reference::backward_bias(p.shape, p.diff_dst_dense.view())},
      by_diff_dst{reference::backward_weights(p.shape, p.src_dense.view(), p.diff_dst.view()),
                  reference::backward_bias(p.shape, p.diff_dst.view())} {
    const Shape dst = p.shape.dst();
    const std::size_t per_channel = static_cast<std::size_t>(dst.h) * static_cast<std::size_t>(dst.w);
    for (std::size_t i = 0; i < forward_biased.size(); ++i)
        forward_biased[i].add(p.bias[i / per_channel % static_cast<std::size_t>(dst.c)], 1);
}

std::vector<Element> ConvReference::forward_relu(bool bias) const {
    std::vector<Element> elements = forward(bias);
    for (Element& element : elements) element = reference::relu(element);
    return elements;
}

std::vector<Element> ConvReference::masked_diff_src(const TestMask& relu_mask) const {
    std::vector<Element> elements = diff_src;
    const Shape& s = relu_mask.shape;
    std::size_t i = 0;
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x, ++i) {
                    const std::size_t pixel = reference::lane_offset(s, n, c, y, x) / kLanes;
                    if ((relu_mask.memory[pixel] >> (c % kLanes) & 1) == 0) elements[i] = {};
                }
    return elements;
}

std::string describe(const Settings& settings) {
    return std::string("policy ") + sparsetrain::to_string(settings.policy) + ", " +
           std::to_string(settings.threads) + " threads, " + to_string(settings.mask) +
           (settings.bias ? ", bias" : ", no bias");
}

ConvRunner::ConvRunner(const ConvProblem& problem, Policy policy, int threads, ParallelFor pool,
                       Choice choice)
    : problem_(problem),
      plan_(problem.shape, policy, choice),
      packed_(problem.weights.view()),
      workspace_(threads, std::move(pool)),
      random_(problem.random) {}

void ConvRunner::expect_statistics(Pass pass) const {
    EXPECT_EQ(last_run().pass, pass);
    const std::vector<Kernel> own = kernels_of(layer_of(problem_.shape), pass);
    if (plan_.policy() == Policy::automatic && own.size() > 1) return;
    const bool dense = std::none_of(own.begin(), own.end(),
                                    [this](Kernel kernel) { return policy_of(kernel) == plan_.policy(); });
    EXPECT_STREQ(sparsetrain::to_string(last_run().kernel),
                 sparsetrain::to_string(dense ? Policy::dense : plan_.policy()));
}

TestTensor ConvRunner::forward(const Settings& settings) {
    TestTensor dst(problem_.shape.dst());
    const MaskedInput src(problem_.src, settings.mask, random_);
    last_run_ = plan_.forward(src, packed_, problem_.bias_or_none(settings.bias), dst.view(), workspace_);
    EXPECT_TRUE(dst.memory.guards_intact());
    expect_statistics(Pass::fwd);
    return dst;
}

ForwardReluResult ConvRunner::forward_relu(const Settings& settings) {
    ForwardReluResult result{TestTensor(problem_.shape.dst()), TestMask(problem_.shape.dst())};
    const MaskedInput src(problem_.src, settings.mask, random_);
    last_run_ = plan_.forward_relu(src, packed_, problem_.bias_or_none(settings.bias), result.dst.view(),
                                   result.mask.view(), workspace_);
    EXPECT_TRUE(result.dst.memory.guards_intact());
    EXPECT_TRUE(result.mask.memory.guards_intact());
    expect_statistics(Pass::fwd);
    return result;
}

TestTensor ConvRunner::backward_data(const Settings& settings) {
    TestTensor diff_src(problem_.shape.src);
    const MaskedInput diff_dst(problem_.diff_dst, settings.mask, random_);
    last_run_ = plan_.backward_data(diff_dst, packed_, diff_src.view(), workspace_);
    EXPECT_TRUE(diff_src.memory.guards_intact());
    expect_statistics(Pass::bwd_data);
    return diff_src;
}

MaskedDiffSrc ConvRunner::backward_data_masked(const Settings& settings) {
    const MaskKind kind = settings.mask == MaskKind::conservative ? settings.mask : MaskKind::exact;
    MaskedDiffSrc result{TestTensor(problem_.shape.src), make_mask(problem_.src, kind, random_)};
    const MaskedInput diff_dst(problem_.diff_dst, settings.mask, random_);
    last_run_ =
        plan_.backward_data(diff_dst, packed_, result.diff_src.view(), workspace_, result.relu_mask.view());
    EXPECT_TRUE(result.diff_src.memory.guards_intact());
    EXPECT_TRUE(result.relu_mask.memory.guards_intact());
    expect_statistics(Pass::bwd_data);
    return result;
}

BackwardWeightsResult ConvRunner::backward_weights(const Settings& settings, Operand sparse) {
    BackwardWeightsResult result{TestWeights(problem_.shape.weights()), {}};
    std::span<float> diff_bias;
    if (settings.bias) {
        result.diff_bias.emplace(problem_.bias.size());
        diff_bias = {result.diff_bias->data(), result.diff_bias->size()};
    }
    const bool sparse_src = sparse == Operand::src;
    const MaskedInput src(sparse_src ? problem_.src : problem_.src_dense, settings.mask, random_);
    const MaskedInput diff_dst(sparse_src ? problem_.diff_dst_dense : problem_.diff_dst, settings.mask,
                               random_);
    last_run_ = plan_.backward_weights(src, diff_dst, result.diff_weights.view(), diff_bias, workspace_);
    EXPECT_TRUE(result.diff_weights.memory.guards_intact());
    EXPECT_TRUE(!result.diff_bias || result.diff_bias->guards_intact());
    expect_statistics(Pass::bwd_weights);
    if (settings.mask == MaskKind::exact && zero_percent(sparse_src ? problem_.src : problem_.diff_dst) > 0) {
        EXPECT_STREQ(sparsetrain::to_string(last_run().skipped), sparsetrain::to_string(sparse));
    }
    return result;
}

namespace {

Precision precision_of(const ConvProblem& problem, Pass pass, Policy policy) {
    return test::precision_of(problem.values, layer_of(problem.shape), pass, policy);
}

}  // namespace

void expect_all_passes(const ConvProblem& problem, const ConvReference& reference, const Settings& settings) {
    SCOPED_TRACE(name_of(problem.shape) + ", " + describe(settings));
    const auto precision = [&](Pass pass) { return precision_of(problem, pass, settings.policy); };
    ConvRunner runner(problem, settings.policy, settings.threads, settings.pool);

    EXPECT_TRUE(matches(reference.forward(settings.bias), runner.forward(settings), precision(Pass::fwd)))
        << "fwd";
    const ForwardReluResult activated = runner.forward_relu(settings);
    EXPECT_TRUE(matches(reference.forward_relu(settings.bias), activated.dst, precision(Pass::fwd)))
        << "fwd, ReLU";
    EXPECT_TRUE(marks_nonzeros_of(activated.dst, activated.mask)) << "fwd, mask";
    if (layer_of(problem.shape).backward_data) {
        if (settings.policy != Policy::output_mask) {
            EXPECT_TRUE(
                matches(reference.diff_src, runner.backward_data(settings), precision(Pass::bwd_data)))
                << "bwd_data";
        }
        const MaskedDiffSrc masked = runner.backward_data_masked(settings);
        EXPECT_TRUE(
            matches(reference.masked_diff_src(masked.relu_mask), masked.diff_src, precision(Pass::bwd_data)))
            << "bwd_data, mask";
    }
    // A plan per operand: `auto` may not learn from the other's call what to expect.
    for (const Operand sparse : kOperands) {
        SCOPED_TRACE(std::string("bwd_weights by ") + sparsetrain::to_string(sparse));
        const BackwardWeightsResult gradients =
            ConvRunner(problem, settings.policy, settings.threads, settings.pool)
                .backward_weights(settings, sparse);
        EXPECT_TRUE(matches(reference.gradients(sparse).weights, gradients.diff_weights,
                            precision(Pass::bwd_weights)));
        if (gradients.diff_bias) {
            EXPECT_TRUE(matches(reference.gradients(sparse).bias, *gradients.diff_bias,
                                precision_of(problem, Pass::bwd_weights, Policy::dense)))
                << "bias";
        }
    }
    EXPECT_TRUE(problem.inputs_unchanged());
}

namespace {

void expect_backward_data(const ConvProblem& problem, const ConvReference& reference, const Conv2d& plan,
                          const PackedWeights& packed, Workspace& workspace) {
    const Precision precision = precision_of(problem, Pass::bwd_data, plan.policy());
    TestTensor diff_src(problem.shape.src), masked_diff_src(problem.shape.src);
    Random random(1);
    const TestMask relu_mask = make_mask(problem.src, MaskKind::exact, random);
    plan.backward_data(problem.diff_dst.view(), packed, masked_diff_src.view(), workspace, relu_mask.view());
    EXPECT_TRUE(matches(reference.masked_diff_src(relu_mask), masked_diff_src, precision));
    if (plan.policy() == Policy::output_mask) return;
    plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace);
    EXPECT_TRUE(matches(reference.diff_src, diff_src, precision));
}

}  // namespace

void expect_passes(const ConvProblem& problem, const ConvReference& reference, const Conv2d& plan,
                   const PackedWeights& packed, Workspace& workspace) {
    const Precision forward = precision_of(problem, Pass::fwd, plan.policy()),
                    gradients = precision_of(problem, Pass::bwd_weights, plan.policy());
    TestTensor dst(problem.shape.dst()), activated(problem.shape.dst());
    TestMask mask(problem.shape.dst());
    TestWeights by_src(problem.shape.weights()), by_diff_dst(problem.shape.weights());
    plan.forward(problem.src.view(), packed, problem.bias.values(), dst.view(), workspace);
    plan.forward_relu(problem.src.view(), packed, {}, activated.view(), mask.view(), workspace);
    if (layer_of(problem.shape).backward_data)
        expect_backward_data(problem, reference, plan, packed, workspace);
    plan.backward_weights(problem.src.view(), problem.diff_dst_dense.view(), by_src.view(), {}, workspace);
    plan.backward_weights(problem.src_dense.view(), problem.diff_dst.view(), by_diff_dst.view(), {},
                          workspace);
    EXPECT_TRUE(matches(reference.forward(true), dst, forward));
    EXPECT_TRUE(matches(reference.forward_relu(false), activated, forward));
    EXPECT_TRUE(marks_nonzeros_of(activated, mask));
    EXPECT_TRUE(matches(reference.by_src.weights, by_src, gradients));
    EXPECT_TRUE(matches(reference.by_diff_dst.weights, by_diff_dst, gradients));
}

void expect_meaningful(const ConvProblem& problem, const ConvReference& reference) {
    if (problem.zeros.percent < 100) {
        EXPECT_GT(nonzero_fraction(reference.diff_src), 0) << "bwd_data has nothing to compare";
    }
    if (problem.zeros.percent > 50) return;
    expect_a_third_nonzero("fwd", reference.forward_plain);
    expect_a_third_nonzero("diff_src", reference.diff_src);
    expect_a_third_nonzero("diff_weights by src", reference.by_src.weights);
    expect_a_third_nonzero("diff_weights by diff_dst", reference.by_diff_dst.weights);
}

const LayerClassInfo& layer_of(const ConvShape& shape) {
    for (const LayerClassInfo& layer : layer_classes()) {
        if (layer.filter_h == shape.filter_h && layer.filter_w == shape.filter_w &&
            layer.stride == shape.stride) {
            return layer;
        }
    }
    throw std::logic_error("a test's shape has no linked layer class");
}

std::vector<Policy> all_policies() {
    return {policies().begin(), policies().end()};
}

std::string name_of(const ConvShape& s) {
    const auto part = [](const char* prefix, int size) { return prefix + std::to_string(size); };
    const Padding& p = s.padding;
    return part("n", s.src.n) + part("_c", s.src.c) + part("_h", s.src.h) + part("_w", s.src.w) +
           part("_k", s.k) + part("_pad", p.top) + part("", p.left) + part("", p.bottom) + part("", p.right);
}

}  // namespace sparsetrain::test
