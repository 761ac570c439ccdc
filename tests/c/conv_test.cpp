// Convolutions by the C interface, beside the same calls of the C++ API: of every layer class and policy.
#include "c_support.h"
#include "sparsetrain/library.h"
#include "sparsetrain/relu.h"
#include "sparsetrain/shifted_conv.h"

namespace sparsetrain::test {
namespace {

struct DestroyConv {
    void operator()(sparsetrain_conv* conv) const { sparsetrain_conv_destroy(conv); }
};
struct DestroyWeights {
    void operator()(sparsetrain_weights* weights) const { sparsetrain_weights_destroy(weights); }
};

ConvShape shape_of(const LayerClassInfo& layer) {
    const int y = layer.filter_h / 2, x = layer.filter_w / 2;
    return {.src = {2, 33, 13, 15},
            .k = 40,
            .filter_h = layer.filter_h,
            .filter_w = layer.filter_w,
            .stride = layer.stride,
            .padding = {y, x, y, x}};
}

void expect_same(const RunStatistics& expected, const sparsetrain_run& given) {
    EXPECT_EQ(given.pass, static_cast<int>(expected.pass));
    EXPECT_EQ(given.kernel, static_cast<int>(expected.kernel));
    EXPECT_EQ(given.skipped, static_cast<int>(expected.skipped));
    EXPECT_EQ(given.skips, expected.skips ? 1 : 0);
    EXPECT_EQ(given.is_trial, expected.is_trial ? 1 : 0);
    EXPECT_EQ(given.zeros, expected.zeros);
}

// A convolution of both APIs with its data. Tables alone choose kernels, so that both run the same.
class Pair {
  public:
    Pair(const LayerClassInfo& layer, Policy policy, PackedWeights::Keep keep)
        : shape(shape_of(layer)), conv(shape, policy, Choice::tables), packed(master.view(), keep) {
        const sparsetrain_conv_shape c_shape = to_c(shape);
        EXPECT_EQ(sparsetrain_conv_create(&c_shape, to_string(policy), "tables", &made_conv_), SPARSETRAIN_OK)
            << sparsetrain_error_text();
        const sparsetrain_weights_shape filters = to_c(shape.weights());
        EXPECT_EQ(
            sparsetrain_weights_create(master.view().data, &filters,
                                       keep == PackedWeights::Keep::until_changed ? 1 : 0, &made_weights_),
            SPARSETRAIN_OK);
        c_conv.reset(made_conv_);
        c_weights.reset(made_weights_);
        occupancy_mask(src.view(), src_mask.view(), workspace);
        occupancy_mask(diff_dst.view(), diff_dst_mask.view(), workspace);
    }

    void expect_same_forward() {
        Tensor dst(shape.dst()), c_dst(shape.dst());
        CMask c_src_mask(src_mask);
        const RunStatistics expected =
            conv.forward({src.view(), src_mask.view()}, packed, bias, dst.view(), workspace);
        sparsetrain_run run;
        ASSERT_DONE(sparsetrain_conv_forward(c_conv.get(), src.view().data, c_src_mask.get(), c_weights.get(),
                                             bias.data(), c_dst.view().data, c_workspace.get(), &run));
        EXPECT_TRUE(same(dst, c_dst));
        expect_same(expected, run);
    }
    void expect_same_forward_relu() {
        Tensor dst(shape.dst()), c_dst(shape.dst());
        Mask mask(shape.dst());
        CMask c_mask(shape.dst());
        conv.forward_relu(src.view(), packed, {}, dst.view(), mask.view(), workspace);
        ASSERT_DONE(sparsetrain_conv_forward_relu(c_conv.get(), src.view().data, nullptr, c_weights.get(),
                                                  nullptr, c_dst.view().data, c_mask.get(), c_workspace.get(),
                                                  nullptr));
        EXPECT_TRUE(same(dst, c_dst));
        EXPECT_TRUE(same(mask, c_mask));
    }
    void expect_same_backward_data() {
        Tensor diff_src(shape.src), c_diff_src(shape.src);
        CMask c_relu_mask(src_mask), c_diff_dst_mask(diff_dst_mask);
        const RunStatistics expected = conv.backward_data({diff_dst.view(), diff_dst_mask.view()}, packed,
                                                          diff_src.view(), workspace, src_mask.view());
        sparsetrain_run run;
        ASSERT_DONE(sparsetrain_conv_backward_data(c_conv.get(), diff_dst.view().data, c_diff_dst_mask.get(),
                                                   c_weights.get(), c_diff_src.view().data, c_relu_mask.get(),
                                                   c_workspace.get(), &run));
        EXPECT_TRUE(same(diff_src, c_diff_src));
        expect_same(expected, run);
    }
    void expect_same_backward_weights() {
        Weights diff(shape.weights()), c_diff(shape.weights());
        AlignedArray<float> diff_bias(bias.size()), c_diff_bias(bias.size());
        CMask c_src_mask(src_mask), c_diff_dst_mask(diff_dst_mask);
        const RunStatistics expected =
            conv.backward_weights({src.view(), src_mask.view()}, {diff_dst.view(), diff_dst_mask.view()},
                                  diff.view(), {diff_bias.data(), diff_bias.size()}, workspace);
        sparsetrain_run run;
        ASSERT_DONE(sparsetrain_conv_backward_weights(
            c_conv.get(), src.view().data, c_src_mask.get(), diff_dst.view().data, c_diff_dst_mask.get(),
            c_diff.view().data, c_diff_bias.data(), c_workspace.get(), &run));
        EXPECT_TRUE(same(diff, c_diff));
        EXPECT_TRUE(same(diff_bias, c_diff_bias));
        expect_same(expected, run);
    }

    static constexpr int kThreads = 2;
    const ConvShape shape;
    Tensor src = filled(shape.src, 1), diff_dst = filled(shape.dst(), 2);
    Weights master = filled(shape.weights(), 3);
    AlignedArray<float> bias_values = filled(static_cast<std::size_t>(shape.k), 4);
    const std::span<const float> bias{bias_values.data(), bias_values.size()};
    Mask src_mask{shape.src}, diff_dst_mask{shape.dst()};
    const Conv2d conv;
    PackedWeights packed;
    Workspace workspace{kThreads};
    CWorkspace c_workspace = make_workspace(kThreads);
    std::unique_ptr<sparsetrain_conv, DestroyConv> c_conv;
    std::unique_ptr<sparsetrain_weights, DestroyWeights> c_weights;

  private:
    sparsetrain_conv* made_conv_ = nullptr;
    sparsetrain_weights* made_weights_ = nullptr;
};

TEST(ConvTest, PassesOfEveryClassAndPolicy) {
    for (const LayerClassInfo& layer : layer_classes())
        for (const Policy policy : policies())
            for (const auto keep : {PackedWeights::Keep::for_a_call, PackedWeights::Keep::until_changed}) {
                SCOPED_TRACE(std::string(layer.name) + " " + to_string(policy));
                Pair pair(layer, policy, keep);
                ASSERT_NE(pair.c_conv, nullptr);
                pair.expect_same_forward();
                pair.expect_same_forward_relu();
                if (layer.backward_data) pair.expect_same_backward_data();
                pair.expect_same_backward_weights();
            }
}

TEST(ConvTest, WeightsThatChanged) {
    Pair pair(layer_classes().front(), Policy::dense, PackedWeights::Keep::until_changed);
    pair.expect_same_forward();
    pair.master.at(1, 2, 0, 0) += 5;
    pair.packed.mark_changed();
    ASSERT_DONE(sparsetrain_weights_mark_changed(pair.c_weights.get()));
    pair.expect_same_forward();
}

TEST(ConvTest, APlanDescribesItself) {
    const Pair pair(layer_classes().front(), Policy::zero_skip, PackedWeights::Keep::for_a_call);
    sparsetrain_conv_description given;
    ASSERT_DONE(sparsetrain_conv_describe(pair.c_conv.get(), &given));
    const sparsetrain_conv_shape c_shape = to_c(pair.shape);
    EXPECT_EQ(std::memcmp(&given.shape, &c_shape, sizeof c_shape), 0);
    const Shape dst = pair.shape.dst();
    EXPECT_EQ((Shape{given.dst.n, given.dst.c, given.dst.h, given.dst.w}), dst);
    EXPECT_EQ((WeightsShape{given.weights.k, given.weights.c, given.weights.r, given.weights.s}),
              pair.shape.weights());
    EXPECT_EQ(given.flops, pair.shape.flops());
    EXPECT_STREQ(given.layer_class, pair.conv.layer_class());
    EXPECT_STREQ(given.policy, "zero_skip");
    EXPECT_STREQ(given.choice, "tables");

    sparsetrain_shape c_dst;
    ASSERT_DONE(sparsetrain_conv_dst(&c_shape, &c_dst));
    EXPECT_EQ((Shape{c_dst.n, c_dst.c, c_dst.h, c_dst.w}), dst);
    std::size_t bytes = 0;
    ASSERT_DONE(sparsetrain_conv_scratch_bytes(pair.c_conv.get(), 3, &bytes));
    EXPECT_EQ(bytes, pair.conv.scratch_bytes(3));
}

TEST(ConvTest, NamesMayBeLeftOut) {
    const sparsetrain_conv_shape c_shape = to_c(shape_of(layer_classes().front()));
    sparsetrain_conv* conv = nullptr;
    ASSERT_DONE(sparsetrain_conv_create(&c_shape, nullptr, nullptr, &conv));
    const std::unique_ptr<sparsetrain_conv, DestroyConv> owner(conv);
    sparsetrain_conv_description given;
    ASSERT_DONE(sparsetrain_conv_describe(conv, &given));
    EXPECT_STREQ(given.policy, "auto");
    EXPECT_STREQ(given.choice, to_string(Conv2d(shape_of(layer_classes().front())).choice()));
}

TEST(ConvTest, SaysWhatIsSupported) {
    for (const LayerClassInfo& layer : layer_classes()) {
        const sparsetrain_conv_shape shape = to_c(shape_of(layer));
        EXPECT_EQ(sparsetrain_conv_supports(&shape, SPARSETRAIN_FWD), 1);
        EXPECT_EQ(sparsetrain_conv_supports(&shape, SPARSETRAIN_BWD_DATA), layer.backward_data ? 1 : 0);
        EXPECT_EQ(sparsetrain_conv_supports(&shape, SPARSETRAIN_BWD_WEIGHTS), 1);
        EXPECT_EQ(sparsetrain_conv_supports(&shape, 3), 0);
    }
    sparsetrain_workspace_set_threads(nullptr, 1);
    const std::string text = sparsetrain_error_text();
    sparsetrain_conv_shape shape = to_c(shape_of(layer_classes().front()));
    shape.stride = 9;
    EXPECT_EQ(sparsetrain_conv_supports(&shape, SPARSETRAIN_FWD), 0);
    EXPECT_EQ(sparsetrain_conv_supports(nullptr, SPARSETRAIN_FWD), 0);
    EXPECT_EQ(sparsetrain_error_text(), text);
}

TEST(ConvTest, ScalarsAround) {
    const ConvScalars scalars{0.5F, 1.5F, -0.25F};
    const sparsetrain_conv_scalars c_scalars{0.5F, 1.5F, -0.25F};
    for (const LayerClassInfo& layer : layer_classes()) {
        SCOPED_TRACE(layer.name);
        Pair pair(layer, Policy::dense, PackedWeights::Keep::for_a_call);
        const ConvShape& shape = pair.shape;
        const sparsetrain_conv_shape c_shape = to_c(shape);
        sparsetrain_workspace* const c_workspace = pair.c_workspace.get();
        ASSERT_EQ(sparsetrain_tap_sums_bytes(&c_shape), tap_sums_size(shape) * sizeof(float));
        AlignedArray<float> taps(tap_sums_size(shape)), c_taps(tap_sums_size(shape));
        AlignedArray<float> bias(pair.bias.size()), c_bias(pair.bias.size());
        Weights folded(shape.weights()), c_folded(shape.weights());
        const std::span<float> of_taps(taps.data(), taps.size());
        fold_scalars(shape, pair.master.view(), scalars, of_taps, folded.view(), {bias.data(), bias.size()},
                     pair.workspace);
        ASSERT_DONE(sparsetrain_fold_scalars(&c_shape, pair.master.view().data, &c_scalars, c_taps.data(),
                                             c_folded.view().data, c_bias.data(), c_workspace));
        EXPECT_TRUE(same(taps, c_taps));
        EXPECT_TRUE(same(folded, c_folded));
        EXPECT_TRUE(same(bias, c_bias));

        Tensor dst(shape.dst()), c_dst(shape.dst());
        Mask mask(shape.dst());
        CMask c_mask(shape.dst());
        add_shift(shape, of_taps, scalars, pair.diff_dst.view(), dst.view(), pair.workspace);
        ASSERT_DONE(sparsetrain_add_shift(&c_shape, c_taps.data(), &c_scalars, pair.diff_dst.view().data,
                                          c_dst.view().data, c_workspace));
        EXPECT_TRUE(same(dst, c_dst));
        add_shift_relu(shape, of_taps, scalars, pair.diff_dst.view(), dst.view(), mask.view(),
                       pair.workspace);
        ASSERT_DONE(sparsetrain_add_shift_relu(&c_shape, c_taps.data(), &c_scalars, pair.diff_dst.view().data,
                                               c_dst.view().data, c_mask.get(), c_workspace));
        EXPECT_TRUE(same(dst, c_dst));
        EXPECT_TRUE(same(mask, c_mask));

        Weights diff = filled(shape.weights(), 9), c_diff = filled(shape.weights(), 9);
        const ConvScalars expected = unfold_gradients(shape, pair.master.view(), of_taps, scalars,
                                                      pair.diff_dst.view(), diff.view(), pair.workspace);
        sparsetrain_conv_scalars given;
        ASSERT_DONE(sparsetrain_unfold_gradients(&c_shape, pair.master.view().data, c_taps.data(), &c_scalars,
                                                 pair.diff_dst.view().data, c_diff.view().data, c_workspace,
                                                 &given));
        EXPECT_TRUE(same(diff, c_diff));
        EXPECT_EQ(given.before, expected.before);
        EXPECT_EQ(given.scale, expected.scale);
        EXPECT_EQ(given.after, expected.after);
    }
}

}  // namespace
}  // namespace sparsetrain::test
