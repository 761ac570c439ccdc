// How calls of the C interface fail: codes, texts, and whose texts they are.
#include <thread>
#include <vector>

#include "c_support.h"
#include "sparsetrain/library.h"

namespace sparsetrain::test {
namespace {

class ErrorsTest : public CTest {
  protected:
    ErrorsTest() {
        const sparsetrain_conv_shape shape_of_conv = valid_conv();
        EXPECT_EQ(sparsetrain_conv_create(&shape_of_conv, "dense", nullptr, &conv), SPARSETRAIN_OK);
        const sparsetrain_weights_shape filters{16, 16, first.filter_h, first.filter_w};
        weights_memory = filled(WeightsShape{16, 16, first.filter_h, first.filter_w}, 1);
        EXPECT_EQ(sparsetrain_weights_create(weights_memory.view().data, &filters, 0, &weights),
                  SPARSETRAIN_OK);
    }
    ~ErrorsTest() override {
        sparsetrain_conv_destroy(conv);
        sparsetrain_weights_destroy(weights);
    }
    sparsetrain_conv_shape valid_conv() const {
        return {{1, 16, 9, 9}, 16, first.filter_h, first.filter_w, first.stride, 0, 0, 0, 0};
    }

    const LayerClassInfo first = layer_classes().front();
    Tensor tensor = filled(shape, 1), other{shape};
    float* const data = tensor.view().data;
    float* const out = other.view().data;
    CMask mask{shape};
    Weights weights_memory;
    sparsetrain_conv* conv = nullptr;
    sparsetrain_weights* weights = nullptr;
};

TEST_F(ErrorsTest, NullPointersAreNamed) {
    constexpr auto kInvalid = SPARSETRAIN_INVALID_ARGUMENT;
    expect_failure(kInvalid, sparsetrain_relu_forward(nullptr, data, out, mask.get(), c_workspace), "shape",
                   "null pointer", "sparsetrain_relu_forward");
    expect_failure(kInvalid, sparsetrain_relu_forward(&c_shape, nullptr, out, mask.get(), c_workspace),
                   "relu_forward: src", "null pointer");
    expect_failure(kInvalid, sparsetrain_relu_forward(&c_shape, data, nullptr, mask.get(), c_workspace),
                   "dst", "null pointer");
    expect_failure(kInvalid, sparsetrain_relu_forward(&c_shape, data, out, nullptr, c_workspace), "dst_mask",
                   "null pointer");
    expect_failure(kInvalid, sparsetrain_relu_forward(&c_shape, data, out, mask.get(), nullptr), "workspace",
                   "null pointer");
    expect_failure(kInvalid, sparsetrain_workspace_create(1, nullptr, nullptr, nullptr), "workspace");
    expect_failure(kInvalid, sparsetrain_workspace_threads(c_workspace, nullptr), "threads");
    expect_failure(kInvalid, sparsetrain_weights_mark_changed(nullptr), "weights");
    expect_failure(kInvalid, sparsetrain_batch_norm(&c_shape, data, nullptr, out, c_workspace), "norm");
    expect_failure(kInvalid, sparsetrain_pool_dst(&c_shape, nullptr, nullptr), "window");
    expect_failure(kInvalid,
                   sparsetrain_softmax_cross_entropy(&c_shape, data, nullptr, out, c_workspace, nullptr),
                   "targets");
    expect_failure(kInvalid, sparsetrain_sgd_step(16, nullptr, data, out, out, c_workspace), "sgd");
}

TEST_F(ErrorsTest, NullHandlesAndOutputsOfConvolutions) {
    constexpr auto kInvalid = SPARSETRAIN_INVALID_ARGUMENT;
    const sparsetrain_conv_shape valid = valid_conv();
    expect_failure(kInvalid, sparsetrain_conv_create(&valid, "dense", nullptr, nullptr), "conv", "null");
    sparsetrain_conv* made = nullptr;
    expect_failure(kInvalid, sparsetrain_conv_create(nullptr, "dense", nullptr, &made), "shape", "null");
    expect_failure(kInvalid, sparsetrain_conv_describe(conv, nullptr), "description", "null");
    expect_failure(kInvalid, sparsetrain_conv_dst(&valid, nullptr), "dst", "null");
    expect_failure(kInvalid, sparsetrain_conv_scratch_bytes(nullptr, 1, nullptr), "conv", "null");
    expect_failure(kInvalid, sparsetrain_conv_scratch_bytes(conv, 1, nullptr), "bytes", "null");
    std::size_t bytes = 0;
    expect_failure(kInvalid, sparsetrain_conv_scratch_bytes(conv, 0, &bytes), "threads", "at least 1");
    expect_failure(
        kInvalid,
        sparsetrain_conv_forward(nullptr, data, nullptr, weights, nullptr, out, c_workspace, nullptr), "conv",
        "null");
    expect_failure(kInvalid,
                   sparsetrain_conv_forward(conv, data, nullptr, nullptr, nullptr, out, c_workspace, nullptr),
                   "weights", "null");
    expect_failure(kInvalid,
                   sparsetrain_conv_forward_relu(conv, data, nullptr, weights, nullptr, out, nullptr,
                                                 c_workspace, nullptr),
                   "dst_mask", "null");
    expect_failure(kInvalid,
                   sparsetrain_conv_backward_weights(conv, data, nullptr, data, nullptr, nullptr, nullptr,
                                                     c_workspace, nullptr),
                   "diff_weights", "null");
    sparsetrain_conv_destroy(nullptr);
    sparsetrain_weights_destroy(nullptr);
    sparsetrain_workspace_destroy(nullptr);
}

TEST_F(ErrorsTest, ShapesAlignmentAndOverlap) {
    constexpr auto kInvalid = SPARSETRAIN_INVALID_ARGUMENT;
    const sparsetrain_shape negative{1, 16, -1, 2};
    expect_failure(kInvalid, sparsetrain_add_gradients(&negative, data, data, nullptr, out, c_workspace),
                   "shape", "at least 1", "H-1");
    expect_failure(kInvalid, sparsetrain_add_gradients(&c_shape, data, data, nullptr, out + 1, c_workspace),
                   "sum", "4 bytes off");
    expect_failure(kInvalid, sparsetrain_add_gradients(&c_shape, data, data, nullptr, data + 16, c_workspace),
                   "overlaps");
    auto* const odd = reinterpret_cast<sparsetrain_mask*>(mask.words().data() + 1);
    expect_failure(kInvalid, sparsetrain_relu_forward(&c_shape, data, out, odd, c_workspace), "dst_mask",
                   "2 bytes off");
    expect_failure(kInvalid, sparsetrain_update_running_statistics(-3, data, data, 9, 0.1F, out, out),
                   "channels", "-3");
    expect_failure(kInvalid, sparsetrain_workspace_create(257, nullptr, nullptr, nullptr), "workspace");
    sparsetrain_workspace* made = nullptr;
    expect_failure(kInvalid, sparsetrain_workspace_create(257, nullptr, nullptr, &made), "256", "257");
    EXPECT_EQ(made, nullptr);
    expect_failure(kInvalid, sparsetrain_workspace_set_threads(c_workspace, 0), "threads", "0");
    int threads = 0;
    ASSERT_DONE(sparsetrain_workspace_threads(c_workspace, &threads));
    EXPECT_EQ(threads, kThreads);
    const sparsetrain_sgd sgd{};
    expect_failure(kInvalid, sparsetrain_sgd_step(0, &sgd, data, out, out, c_workspace), "at least 1");
    expect_failure(kInvalid, sparsetrain_sgd_step(SIZE_MAX / 2, &sgd, data, out, out, c_workspace),
                   "at most");
}

// What would be undefined, or no memory could hold, if C++ were asked.
TEST_F(ErrorsTest, ShapesOfConvolutionsThatAreNone) {
    constexpr auto kInvalid = SPARSETRAIN_INVALID_ARGUMENT;
    sparsetrain_shape dst;
    sparsetrain_conv_shape none = valid_conv();
    none.stride = 0;
    expect_failure(kInvalid, sparsetrain_conv_dst(&none, &dst), "stride", "at least 1", "0");
    EXPECT_EQ(sparsetrain_tap_sums_bytes(&none), 0U);
    none = valid_conv();
    none.left = -1;
    const sparsetrain_conv_scalars scalars{1, 1, 1};
    expect_failure(kInvalid, sparsetrain_add_shift(&none, data, &scalars, data, out, c_workspace),
                   "padding.left");
    none = valid_conv();
    none.src.h = 1;
    none.filter_h = 3, none.filter_w = 3, none.stride = 1;
    EXPECT_NE(sparsetrain_add_shift(&none, data, &scalars, data, out, c_workspace), SPARSETRAIN_OK);
    const sparsetrain_pool_window flat{2, 2, 0, 1, 0, 0, 0, 0};
    expect_failure(kInvalid, sparsetrain_pool_dst(&c_shape, &flat, &dst), "stride_y");
}

TEST_F(ErrorsTest, NumbersAndNamesThatAreNone) {
    constexpr auto kInvalid = SPARSETRAIN_INVALID_ARGUMENT;
    const sparsetrain_pool_window window{2, 2, 2, 2, 0, 0, 0, 0};
    expect_failure(kInvalid, sparsetrain_average_pool_forward(&c_shape, &window, 2, data, out, c_workspace),
                   "averaged", "from 0 to 1", "given 2");
    const AlignedArray<float> channels = filled(static_cast<std::size_t>(shape.c), 2);
    const sparsetrain_normalisation norm{
        channels.data(), channels.data(), channels.data(), channels.data(), 1, -1};
    expect_failure(kInvalid, sparsetrain_batch_norm(&c_shape, data, &norm, out, c_workspace),
                   "norm.statistics", "-1");
    sparsetrain_weights* made = nullptr;
    const sparsetrain_weights_shape filters{16, 16, 1, 1};
    expect_failure(kInvalid, sparsetrain_weights_create(data, &filters, 7, &made), "keep", "7");
    EXPECT_EQ(made, nullptr);
    int32_t has = 0;
    expect_failure(kInvalid, sparsetrain_layer_class_has_kernel(0, 3, 0, &has), "pass", "from 0 to 2", "3");
    expect_failure(kInvalid, sparsetrain_layer_class_has_kernel(0, 0, -1, &has), "kernel", "-1");
    expect_failure(kInvalid, sparsetrain_layer_class_has_kernel(99, 0, 0, &has), "index", "99");
    const sparsetrain_conv_shape valid = valid_conv();
    sparsetrain_conv* plan = nullptr;
    expect_failure(kInvalid, sparsetrain_conv_create(&valid, "fast", nullptr, &plan), "zero_skip",
                   "given fast");
    expect_failure(kInvalid, sparsetrain_conv_create(&valid, nullptr, "luck", &plan), "tables", "given luck");
    EXPECT_EQ(plan, nullptr);
}

TEST_F(ErrorsTest, WhatIsNotSupportedIsToldFromWhatIsWrong) {
    sparsetrain_conv_shape other_class = valid_conv();
    other_class.filter_h = 9, other_class.filter_w = 8;
    sparsetrain_conv* plan = nullptr;
    expect_failure(SPARSETRAIN_UNSUPPORTED, sparsetrain_conv_create(&other_class, nullptr, nullptr, &plan),
                   first.name, "conv9x8_stride");
    for (const LayerClassInfo& layer : layer_classes()) {
        if (layer.backward_data) continue;
        const sparsetrain_conv_shape forward_only{
            {1, 16, 9, 9}, 16, layer.filter_h, layer.filter_w, layer.stride, 0, 0, 0, 0};
        ASSERT_DONE(sparsetrain_conv_create(&forward_only, nullptr, nullptr, &plan));
        const sparsetrain_weights_shape filters{16, 16, layer.filter_h, layer.filter_w};
        const Weights master = filled(WeightsShape{16, 16, layer.filter_h, layer.filter_w}, 1);
        sparsetrain_weights* packed = nullptr;
        ASSERT_DONE(sparsetrain_weights_create(master.view().data, &filters, 0, &packed));
        const Tensor diff_dst = filled(Shape{1, 16, 9, 9}, 1);
        Tensor diff_src({1, 16, 9, 9});
        expect_failure(SPARSETRAIN_UNSUPPORTED,
                       sparsetrain_conv_backward_data(plan, diff_dst.view().data, nullptr, packed,
                                                      diff_src.view().data, nullptr, c_workspace, nullptr),
                       "backward_data");
        sparsetrain_weights_destroy(packed);
        sparsetrain_conv_destroy(plan);
    }
}

TEST_F(ErrorsTest, TextsAreOfTheirThreads) {
    sparsetrain_workspace_set_threads(c_workspace, 0);
    const std::string own = sparsetrain_error_text();
    std::vector<std::thread> threads;
    for (int i = 1; i <= 8; ++i)
        threads.emplace_back([i] {
            EXPECT_STREQ(sparsetrain_error_text(), "");
            const CWorkspace own_workspace = make_workspace(1);
            for (int k = 0; k < 1000; ++k) {
                sparsetrain_workspace_set_threads(own_workspace.get(), -i);
                ASSERT_NE(std::string(sparsetrain_error_text()).find("given -" + std::to_string(i)),
                          std::string::npos);
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(sparsetrain_error_text(), own);
}

TEST_F(ErrorsTest, ACallThatSucceedsLeavesTheText) {
    sparsetrain_workspace_set_threads(c_workspace, 0);
    const std::string text = sparsetrain_error_text();
    ASSERT_DONE(sparsetrain_workspace_set_threads(c_workspace, 1));
    EXPECT_EQ(sparsetrain_error_text(), text);
}

}  // namespace
}  // namespace sparsetrain::test
