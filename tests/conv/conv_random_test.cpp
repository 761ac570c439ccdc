// Random shapes, data, zeros and settings. SPARSETRAIN_TEST_SEED in the environment replaces the seed.
#include <gtest/gtest.h>

#include <cstdlib>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::test {
namespace {

constexpr unsigned kCases = 300;  // per layer class

unsigned base_seed() {
    const char* given = std::getenv("SPARSETRAIN_TEST_SEED");
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : 20240501u;
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

ConvShape random_shape(const LayerClassInfo& layer, Random& random) {
    for (;;) {
        const auto pad = [&random] { return between(random, 0, 2); };
        const Extents e{between(random, 1, 3),  small_size(random, 100), small_size(random, 31),
                        small_size(random, 31), small_size(random, 100), {pad(), pad(), pad(), pad()}};
        const ConvShape shape = shape_of(layer, e);
        if (makes_output(shape)) return shape;
    }
}

void run_case(const LayerClassInfo& layer, unsigned seed) {
    Random random(seed);
    const ConvShape shape = random_shape(layer, random);
    const auto values = one_of(random, {Values::integers, Values::reals});
    const Zeros zeros{one_of(random, {0, 30, 50, 90, 99, 100}),
                      one_of(random, {ZeroPattern::elements, ZeroPattern::vectors, ZeroPattern::channels,
                                      ZeroPattern::lanes})};
    SCOPED_TRACE(std::string(layer.name) + ", seed " + std::to_string(seed));
    const ConvProblem problem(shape, values, zeros, seed);
    const ConvReference reference(problem);
    for (const Policy policy : all_policies()) {
        expect_all_passes(problem, reference,
                          {policy, between(random, 1, 3),
                           one_of(random, {MaskKind::none, MaskKind::exact, MaskKind::conservative}),
                           one_of(random, {true, false})});
    }
}

TEST(ConvRandom, ShapesDataAndSettings) {
    const unsigned seed = base_seed();
    std::printf("SPARSETRAIN_TEST_SEED=%u\n", seed);
    for (const LayerClassInfo& layer : layer_classes()) {
        for (unsigned i = 0; i < kCases && !HasFailure(); ++i) run_case(layer, seed + i);
    }
}

}  // namespace
}  // namespace sparsetrain::test
