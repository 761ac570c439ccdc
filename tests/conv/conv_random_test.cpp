// Random small shapes, paddings, zeros and settings of every linked class, by every kernel, exact on
// integers. SPARSETRAIN_TEST_SEED in the environment replaces the seed: that of a failed case repeats it as
// the first.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "conv_problem.h"
#include "conv_shapes.h"

#if defined(__has_feature)
#define SPARSETRAIN_HAS_FEATURE(name) __has_feature(name)
#else
#define SPARSETRAIN_HAS_FEATURE(name) 0
#endif

namespace sparsetrain::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    SPARSETRAIN_HAS_FEATURE(address_sanitizer) || SPARSETRAIN_HAS_FEATURE(thread_sanitizer)
constexpr unsigned kCases = 60;
constexpr const char* kWhy =
    "a tenth of other builds', as the reference is ten times as slow with sanitizers and compiled kernels "
    "are "
    "without them";
#else
constexpr unsigned kCases = 600;
constexpr const char* kWhy = "some tens of seconds in all";
#endif
constexpr double kMostProducts = 4e5;  // of a pass: a few milliseconds of the reference

unsigned from_environment(const char* variable, unsigned otherwise) {
    const char* given = std::getenv(variable);
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : otherwise;
}

int between(Random& random, int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
}

template <typename T>
T one_of(Random& random, std::initializer_list<T> values) {
    return values.begin()[between(random, 0, static_cast<int>(values.size()) - 1)];
}

// Small more often than large.
int small_size(Random& random, int most) {
    return between(random, 1, between(random, 1, most));
}

// As large on both sides as keeps the size at stride 1, one time in four.
Padding random_padding(const LayerClassInfo& layer, Random& random) {
    const int most_y = layer.filter_h - 1, most_x = layer.filter_w - 1;
    if (between(random, 0, 3) == 0) return {most_y / 2, most_x / 2, most_y / 2, most_x / 2};
    const auto up_to = [&random](int most) { return between(random, 0, most); };
    return {up_to(most_y), up_to(most_x), up_to(most_y), up_to(most_x)};
}

ConvShape random_shape(const LayerClassInfo& layer, Random& random) {
    for (;;) {
        const int most_channels = one_of(random, {40, 100, 300}), most_pixels = one_of(random, {9, 31, 140});
        const Extents e{small_size(random, 9),
                        small_size(random, most_channels),
                        small_size(random, most_pixels),
                        small_size(random, most_pixels),
                        small_size(random, most_channels),
                        random_padding(layer, random)};
        const ConvShape shape = shape_of(layer, e);
        if (makes_output(shape) && shape.flops() / 2 <= kMostProducts) return shape;
    }
}

void run_case(const LayerClassInfo& layer, unsigned seed) {
    Random random(seed);
    const ConvShape shape = random_shape(layer, random);
    const Zeros zeros{one_of(random, {0, 30, 50, 80, 90, 99, 100}),
                      one_of(random, {ZeroPattern::elements, ZeroPattern::vectors, ZeroPattern::channels,
                                      ZeroPattern::lanes})};
    SCOPED_TRACE(std::string(layer.name) + ", SPARSETRAIN_TEST_SEED=" + std::to_string(seed) + ", " +
                 std::to_string(zeros.percent) + " % zeros by " + to_string(zeros.pattern));
    const ConvProblem problem(shape, Values::integers, zeros, seed);
    const ConvReference reference(problem);
    for (const Policy policy : all_policies()) {
        expect_all_passes(problem, reference,
                          {policy, between(random, 1, 4),
                           one_of(random, {MaskKind::none, MaskKind::exact, MaskKind::conservative}),
                           one_of(random, {true, false})});
    }
}

class ConvRandom : public ::testing::TestWithParam<LayerClassInfo> {};

TEST_P(ConvRandom, ShapesDataAndSettings) {
    const unsigned seed = from_environment("SPARSETRAIN_TEST_SEED", 20240501);
    const unsigned cases = from_environment("SPARSETRAIN_TEST_CASES", kCases);
    ASSERT_GE(cases, 1u);
    std::printf("SPARSETRAIN_TEST_SEED=%u, %u cases with every kernel", seed, cases);
    std::printf(" (%u by default: %s)\n", kCases, kWhy);
    std::fflush(stdout);  // before a crash
    for (unsigned i = 0; i < cases && !HasFailure(); ++i) run_case(GetParam(), seed + i);
}

INSTANTIATE_TEST_SUITE_P(Classes, ConvRandom, ::testing::ValuesIn(layer_classes()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace sparsetrain::test
