#include "test_data.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "direct_convolution.h"

namespace sparsetrain::test {

namespace {

using reference::lane_offset;

// Calls visit(n, c, y, x) for every logical element.
template <typename Visit>
void for_each_element(const Shape& shape, Visit visit) {
    for (int n = 0; n < shape.n; ++n)
        for (int c = 0; c < shape.c; ++c)
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x) visit(n, c, y, x);
}

// `percent` of `count` units, picked at random, floor(count * percent / 100) of them.
std::vector<bool> pick(std::size_t count, int percent, Random& random) {
    std::vector<bool> picked(count, false);
    std::fill_n(picked.begin(), count * static_cast<std::size_t>(percent) / 100, true);
    std::shuffle(picked.begin(), picked.end(), random);
    return picked;
}

// Spreads `percent` zeros evenly over indices: every second one at 50.
bool evenly_zero(int index, int percent) {
    return (index + 1) * percent / 100 > index * percent / 100;
}

// Which unit of its pattern an element belongs to.
std::size_t unit_of(const Shape& shape, ZeroPattern pattern, int n, int c, int y, int x) {
    if (pattern == ZeroPattern::channels) return static_cast<std::size_t>(c);
    const std::size_t pixel = lane_offset(shape, n, c, y, x) / kLanes;
    if (pattern == ZeroPattern::vectors) return pixel;
    const auto size = [](int extent) { return static_cast<std::size_t>(extent); };
    return ((size(n) * size(shape.c) + size(c)) * size(shape.h) + size(y)) * size(shape.w) + size(x);
}

std::size_t unit_count(const Shape& shape, ZeroPattern pattern) {
    if (pattern == ZeroPattern::channels) return static_cast<std::size_t>(shape.c);
    if (pattern == ZeroPattern::vectors) return shape.pixels();
    return shape.elements() / static_cast<std::size_t>(channel_blocks(shape.c) * kLanes) *
           static_cast<std::size_t>(shape.c);
}

}  // namespace

const char* to_string(Values values) {
    return values == Values::integers ? "integers" : "reals";
}

const char* to_string(ZeroPattern pattern) {
    constexpr const char* kNames[] = {"elements", "vectors", "channels", "lanes"};
    return kNames[static_cast<int>(pattern)];
}

const char* to_string(MaskKind kind) {
    constexpr const char* kNames[] = {"no mask", "exact mask", "conservative mask"};
    return kNames[static_cast<int>(kind)];
}

float random_value(Values values, Random& random) {
    const bool negative = (random() & 1) != 0;
    const float magnitude = values == Values::integers
                                ? static_cast<float>(1 + random() % 3)
                                : std::uniform_real_distribution<float>(0.25f, 1.0f)(random);
    return negative ? -magnitude : magnitude;
}

TestTensor make_tensor(Shape shape, Values values, Zeros zeros, Random& random) {
    TestTensor tensor(shape);
    std::fill_n(tensor.memory.data(), tensor.memory.size(), 0.0f);
    const std::vector<bool> zero_units = pick(unit_count(shape, zeros.pattern), zeros.percent, random);
    for_each_element(shape, [&](int n, int c, int y, int x) {
        const bool zero = zeros.pattern == ZeroPattern::lanes
                              ? evenly_zero(c + x, zeros.percent)
                              : zero_units[unit_of(shape, zeros.pattern, n, c, y, x)];
        const float value = random_value(values, random);
        tensor.memory[lane_offset(shape, n, c, y, x)] = zero ? (value < 0 ? -0.0f : 0.0f) : value;
    });
    return tensor;
}

TestWeights make_weights(WeightsShape shape, Values values, Random& random) {
    TestWeights weights(shape);
    std::fill_n(weights.memory.data(), weights.memory.size(), 0.0f);
    for (int k = 0; k < shape.k; ++k)
        for (int c = 0; c < shape.c; ++c)
            for (int r = 0; r < shape.r; ++r)
                for (int s = 0; s < shape.s; ++s) weights.at(k, c, r, s) = random_value(values, random);
    return weights;
}

TestMask make_mask(const TestTensor& tensor, MaskKind kind, Random& random) {
    TestMask mask(tensor.shape);
    for (std::size_t i = 0; i < mask.memory.size(); ++i) {
        unsigned word = 0;
        for (unsigned lane = 0; lane < kLanes; ++lane) {
            const bool nonzero = tensor.memory[i * kLanes + lane] != 0;
            if (nonzero || (kind == MaskKind::conservative && random() % 3 == 0)) word |= 1u << lane;
        }
        mask.memory[i] = static_cast<std::uint16_t>(word);
    }
    return mask;
}

double zero_percent(const TestTensor& tensor) {
    double zeros = 0, elements = 0;
    for_each_element(tensor.shape, [&](int n, int c, int y, int x) {
        zeros += reference::at(tensor.view(), n, c, y, x) == 0 ? 1 : 0;
        elements += 1;
    });
    return 100 * zeros / elements;
}

}  // namespace sparsetrain::test
