// What pipelines allocate, against what plans are refused for: never more, and hardly less.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "conv_call.h"
#include "conv_class.h"
#include "conv_problem.h"
#include "conv_shapes.h"
#include "halide_interface.h"
#include "sparsetrain/error.h"

extern "C" {
halide_malloc_t sparsetrain_halide_set_custom_malloc(halide_malloc_t allocate);
halide_free_t sparsetrain_halide_set_custom_free(halide_free_t release);
}

namespace sparsetrain::test {
namespace {

// The library's pool is asked in bytes that Halide rounds up: here they are seen as they come.
constexpr std::size_t kSlack = 128;
std::atomic<std::size_t> largest{0};

void* record_and_allocate(void* /*user_context*/, std::size_t bytes) {
    std::size_t seen = largest;
    while (seen < bytes && !largest.compare_exchange_weak(seen, bytes)) {
    }
    const std::size_t rounded = (bytes + kSlack - 1) / kSlack * kSlack;
    auto* whole = static_cast<char*>(std::aligned_alloc(kSlack, rounded + 2 * kSlack));
    return whole == nullptr ? nullptr : whole + kSlack;
}

void release(void* /*user_context*/, void* pointer) {
    if (pointer != nullptr) std::free(static_cast<char*>(pointer) - kSlack);
}

class ScratchRecorder {
  public:
    ScratchRecorder() {
        Workspace workspace;
        detail::make_context(workspace);  // which installs the library's handlers, if none has
        allocate_ = sparsetrain_halide_set_custom_malloc(record_and_allocate);
        release_ = sparsetrain_halide_set_custom_free(release);
    }
    ~ScratchRecorder() {
        sparsetrain_halide_set_custom_malloc(allocate_);
        sparsetrain_halide_set_custom_free(release_);
    }
    ScratchRecorder(const ScratchRecorder&) = delete;
    ScratchRecorder& operator=(const ScratchRecorder&) = delete;

  private:
    halide_malloc_t allocate_;
    halide_free_t release_;
};

class Scratch : public ::testing::TestWithParam<LayerClassInfo> {};

// Of a thread: blocks whose size has a bound are not the model's.
constexpr double kBounded = 2 << 20;

// All passes by the kernels that `policy` names.
void expect_modelled(const ConvShape& shape, Policy policy, int threads) {
    const detail::LayerClass& layer_class = detail::find_class_of(shape);
    const ConvShape kernel_shape = detail::shape_for_kernels(shape);
    const Tensor src(shape.src), dst(shape.dst());
    Tensor diff_src(shape.src), result(shape.dst());
    const Weights weights(shape.weights());
    Weights diff_weights(shape.weights());
    std::vector<float> diff_bias(static_cast<std::size_t>(shape.k));
    const AlignedArray<std::uint16_t> mask(shape.src.pixels());
    const PackedWeights packed(weights.view());
    const Conv2d plan(shape, policy);
    Workspace workspace(threads);
    const auto expect = [&](Pass pass, auto run) {
        largest = 0;
        const Kernel kernel = run().kernel;
        double model = 0;
        for (const detail::ConvKernel* own : detail::kernels_of_plan(layer_class, shape, policy, pass))
            model = std::max(model, own->largest_scratch(kernel_shape, threads));
        if (pass == Pass::bwd_weights)  // diff_bias: the sums of each image
            model = std::max(model, 4.0 * channel_blocks(shape.k) * kLanes * shape.src.n);
        const double recorded = static_cast<double>(largest), bounded = kBounded * threads;
        std::ostringstream what;
        what << plan.layer_class() << ' ' << name_of(shape) << ' ' << to_string(pass) << ' '
             << to_string(kernel) << " on " << threads;
        EXPECT_LE(recorded, std::max(model + 4 * kSlack, bounded)) << what.str();
        EXPECT_LE(model, std::max(1.05 * recorded, bounded)) << what.str();
    };
    expect(Pass::fwd, [&] { return plan.forward(src.view(), packed, {}, result.view(), workspace); });
    expect(Pass::bwd_weights, [&] {
        return plan.backward_weights(src.view(), dst.view(), diff_weights.view(), diff_bias, workspace);
    });
    if (!layer_class.info.backward_data) return;
    const ConstMaskView relu_mask = {mask.data(), shape.src};
    expect(Pass::bwd_data,
           [&] { return plan.backward_data(dst.view(), packed, diff_src.view(), workspace, relu_mask); });
}

TEST_P(Scratch, IsAsLargeAsTheModelSays) {
    const ScratchRecorder recorder;
    for (const Extents& extents :
         {Extents{1, 64, 9, 12001, 16, {1, 1, 1, 1}}, Extents{2, 40, 9, 3011, 72, {1, 1, 1, 1}},
          Extents{1, 16, 9, 12001, 128, {2, 2, 2, 2}}, Extents{1, 272, 12, 611, 16, {0, 0, 0, 0}},
          Extents{4, 1000, 3, 3, 16, {1, 1, 1, 1}}, Extents{40000, 16, 1, 1, 16, {2, 2, 2, 2}}}) {
        const ConvShape shape = shape_of(GetParam(), extents);
        if (!makes_output(shape)) continue;
        for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::output_mask})
            for (const int threads : {1, 3}) expect_modelled(shape, policy, threads);
    }
}

// Copies by channels, and sums of many output channels.
TEST_P(Scratch, OfFewChannelsIsAsLargeAsTheModelSays) {
    const ScratchRecorder recorder;
    for (const Extents& extents :
         {Extents{1, 3, 40, 30011, 16, {1, 1, 1, 1}}, Extents{2, 15, 9, 12001, 40, {2, 2, 2, 2}},
          Extents{1, 1, 9, 120001, 16, {0, 0, 0, 0}}, Extents{1, 9, 5, 9, 30000, {1, 1, 1, 1}}}) {
        const ConvShape shape = shape_of(GetParam(), extents);
        if (!makes_output(shape)) continue;
        for (const int threads : {1, 3}) expect_modelled(shape, Policy::dense, threads);
    }
}

// The largest width that the refusal of `shape` names: a plan for it is accepted, for one more refused.
void expect_limit(ConvShape shape, Policy policy) {
    const auto refusal = [&shape, policy] {
        try {
            const Conv2d plan(shape, policy);
        } catch (const Error& error) {
            EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(ErrorCode::unsupported));
            return std::string(error.what());
        }
        return std::string();
    };
    const std::string expected = "Conv2d: width of src: expected at most ", message = refusal();
    ASSERT_EQ(message.substr(0, expected.size()), expected) << name_of(shape);
    const int most = std::stoi(message.substr(expected.size()));
    EXPECT_NE(message.find("given " + std::to_string(shape.src.w)), std::string::npos) << message;
    shape.src.w = most;
    EXPECT_EQ(refusal(), "");
    ++shape.src.w;
    EXPECT_NE(refusal(), "");
}

TEST(ScratchLimits, AreSaidInTheCallersTerms) {
    // Chosen so that any kernel's copy of three rows or more exceeds 2^31 bytes, as dense's at least does.
    for (const LayerClassInfo& layer : layer_classes()) {
        if (layer.filter_h == 1) continue;
        for (const Policy policy : all_policies()) {
            if (layer.backward_data || policy == Policy::dense)
                expect_limit(
                    shape_of(layer,
                             {1, 512, layer.filter_h, (1 << 22) / layer.filter_h - 1, 16, {1, 1, 1, 1}}),
                    policy);
        }
        // Of as many channels as a copy by channels has at most.
        expect_limit(shape_of(layer, {1, 15, layer.filter_h, (1 << 24) - 1, 16, {1, 1, 1, 1}}),
                     Policy::dense);
    }
}

INSTANTIATE_TEST_SUITE_P(Classes, Scratch, ::testing::ValuesIn(layer_classes()),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(ImagesOfATask, AreAsManyForEachThread) {
    const auto images = [](int n, int most, int threads) {
        return detail::images_of_equal_parts({n, 16, 7, 7}, most, threads);
    };
    EXPECT_EQ(images(16, 5, 2), 4);  // four tasks, not 5, 5, 5 and 1 images
    EXPECT_EQ(images(16, 8, 2), 8);
    EXPECT_EQ(images(16, 16, 4), 4);
    EXPECT_EQ(images(16, 5, 1), 5);
    EXPECT_EQ(images(3, 2, 2), 2);
    EXPECT_EQ(images(3, 3, 8), 1);
    EXPECT_EQ(images(1, 1, 2), 1);
    for (int n = 1; n < 20; ++n)
        for (int most = 1; most <= n; ++most)
            for (const int threads : {1, 2, 3, 8}) {
                EXPECT_LE(images(n, most, threads), most);  // what scratch memory was checked for
                EXPECT_GE(images(n, most, threads), 1);
            }
}

}  // namespace
}  // namespace sparsetrain::test
