#include "problem.h"

#include <cmath>
#include <iomanip>
#include <limits>
#include <random>
#include <sstream>

#include "direct_convolution.h"

namespace sparsetrain::bench {

namespace {

constexpr int kLeastSamples = 512;

// A mix of `index`'s bits that is random enough for data and quick enough for hundreds of megabytes of it.
std::uint32_t mix(std::uint32_t index, std::uint32_t seed) {
    std::uint32_t bits = index * 0x9E3779B1u + seed * 0x7F4A7C15u;
    bits = (bits ^ (bits >> 15)) * 0x85EBCA77u;
    bits = (bits ^ (bits >> 13)) * 0xC2B2AE3Du;
    return bits ^ (bits >> 16);
}

// From -kLargestValue to kLargestValue without 0.
float small_integer(std::uint32_t bits) {
    const int value = static_cast<int>(bits & 7) - kLargestValue;
    return static_cast<float>(value < 0 ? value : value + 1);
}

// Calls visit(pixel, lane, zero, bits) for every element but the lanes that pad C: whether it is among the
// `zeros_percent` that are zero, and random bits.
template <typename Visit>
void for_each_element(const Shape& shape, int zeros_percent, std::uint32_t seed, Visit visit) {
    const auto threshold = static_cast<std::uint32_t>(zeros_percent * ((1 << 24) / 100.0));
    const std::size_t plane = static_cast<std::size_t>(shape.h) * static_cast<std::size_t>(shape.w);
    const auto blocks = static_cast<std::size_t>(channel_blocks(shape.c));
    std::uint32_t index = 0;
    for (std::size_t pixel = 0; pixel < shape.pixels(); ++pixel) {
        const int block = static_cast<int>(pixel / plane % blocks);
        const int channels = std::min(kLanes, shape.c - block * kLanes);
        for (int lane = 0; lane < channels; ++lane) {
            const std::uint32_t bits = mix(index++, seed);
            visit(pixel, static_cast<std::size_t>(lane), bits >> 8 < threshold, bits);
        }
    }
}

void fill(Tensor& tensor, int zeros_percent, std::uint32_t seed) {
    float* values = tensor.values().data();
    for_each_element(tensor.shape(), zeros_percent, seed,
                     [=](std::size_t pixel, std::size_t lane, bool zero, std::uint32_t bits) {
                         values[pixel * kLanes + lane] = zero ? 0.0f : small_integer(bits);
                     });
}

void fill(Mask& mask, int zeros_percent, std::uint32_t seed) {
    std::uint16_t* words = mask.view().data;
    for_each_element(mask.shape(), zeros_percent, seed,
                     [=](std::size_t pixel, std::size_t lane, bool zero, std::uint32_t) {
                         if (!zero) words[pixel] = static_cast<std::uint16_t>(words[pixel] | 1u << lane);
                     });
}

void fill(Weights& weights, std::uint32_t seed) {
    const WeightsShape shape = weights.shape();
    std::uint32_t index = 0;
    for (int k = 0; k < shape.k; ++k)
        for (int c = 0; c < shape.c; ++c)
            for (int r = 0; r < shape.r; ++r)
                for (int s = 0; s < shape.s; ++s) weights.at(k, c, r, s) = small_integer(mix(index++, seed));
}

// The first, the last, then random numbers below `count`.
int pick(int turn, int count, std::mt19937& random) {
    if (turn < 2) return turn == 0 ? 0 : count - 1;
    return std::uniform_int_distribution(0, count - 1)(random);
}

}  // namespace

Problem::Problem(const ConvShape& conv_shape, Pass conv_pass, int zeros_percent, ZerosIn zeros_in)
    : shape(conv_shape),
      pass(conv_pass),
      src(conv_shape.src),
      weights(conv_shape.weights()),
      dst(conv_shape.dst()) {
    if (pass != Pass::bwd_data) fill(src, zeros_percent, 1);
    if (pass != Pass::bwd_weights) fill(weights, 2);
    const bool masked = zeros_in == ZerosIn::relu_mask;
    if (pass != Pass::fwd) fill(dst, pass == Pass::bwd_data && !masked ? zeros_percent : 0, 3);
    if (masked) {
        if (pass != Pass::bwd_data) {
            throw Error(ErrorCode::invalid_argument,
                        std::string("expected a ReLU's mask in bwd_data only, found ") + to_string(pass));
        }
        relu_mask = Mask(src.shape());
        fill(relu_mask, zeros_percent, 6);
    }
    if (pass == Pass::bwd_weights) {
        sample_weights();
    } else {
        sample_activations(pass == Pass::fwd ? dst : src);
    }
    for (Sample& sample : samples_) {
        const bool wanted =
            !masked || (relu_mask.words()[sample.offset / kLanes] >> sample.offset % kLanes & 1);
        sample.expected = wanted ? expected_at(sample.index) : 0;
    }
}

void Problem::sample_activations(const Tensor& tensor) {
    // Which taps reach an element of diff_src, if any does, depends on its place in a square of stride x
    // stride: borders are as wide as that.
    const int border = pass == Pass::bwd_data ? shape.stride : 1;
    std::mt19937 random(4);
    for (int turn = 0; static_cast<int>(samples_.size()) < kLeastSamples * border * border; ++turn) {
        const int n = pick(turn, tensor.shape().n, random), channel = pick(turn, tensor.shape().c, random);
        for (int inset_y = 0; inset_y < border; ++inset_y)
            for (int inset_x = 0; inset_x < border; ++inset_x)
                sample_borders(tensor.shape(), n, channel, inset_y, inset_x, random);
    }
}

// The corners, a place at each side and one anywhere.
void Problem::sample_borders(const Shape& size, int n, int channel, int inset_y, int inset_x,
                             std::mt19937& random) {
    const int top = std::min(inset_y, size.h - 1), bottom = size.h - 1 - top;
    const int left = std::min(inset_x, size.w - 1), right = size.w - 1 - left;
    const int y = pick(2, size.h, random), x = pick(2, size.w, random);
    const int pixels[][2] = {{top, left}, {top, right}, {bottom, left}, {bottom, right}, {top, x},
                             {bottom, x}, {y, left},    {y, right},     {y, x}};
    for (const auto& p : pixels) {
        samples_.push_back(
            {{n, channel, p[0], p[1]}, reference::lane_offset(size, n, channel, p[0], p[1]), 0});
    }
}

void Problem::sample_weights() {
    const WeightsShape size = weights.shape();
    std::mt19937 random(5);
    for (int turn = 0; static_cast<int>(samples_.size()) < kLeastSamples; ++turn) {
        const int k = pick(turn, size.k, random), c = pick(turn, size.c, random);
        for (int r = 0; r < size.r; ++r)
            for (int s = 0; s < size.s; ++s) samples_.push_back({{k, c, r, s}, size.offset(k, c, r, s), 0});
    }
}

double Problem::expected_at(const int (&i)[4]) const {
    switch (pass) {
        case Pass::fwd:
            return reference::forward_at(shape, src.view(), weights.view(), {}, i[0], i[1], i[2], i[3]).value;
        case Pass::bwd_data:
            return reference::backward_data_at(shape, dst.view(), weights.view(), i[0], i[1], i[2], i[3])
                .value;
        case Pass::bwd_weights:
            return reference::backward_weights_at(shape, src.view(), dst.view(), i[0], i[1], i[2], i[3])
                .value;
    }
    return 0;
}

double Problem::products_per_sum() const {
    const Shape d = dst.shape();
    if (pass == Pass::bwd_weights) return 1.0 * d.n * d.h * d.w;
    return 1.0 * shape.filter_h * shape.filter_w * (pass == Pass::fwd ? shape.src.c : shape.k);
}

template <typename Self>
auto& Problem::result_of(Self& self) {
    if (self.pass == Pass::bwd_weights) return self.weights.values();
    return self.pass == Pass::fwd ? self.dst.values() : self.src.values();
}

void Problem::forget_result() {
    for (float& value : result_of(*this)) value = std::numeric_limits<float>::quiet_NaN();
}

std::string Problem::find_mistake(double tolerance) const {
    for (const Sample& sample : samples_) {
        const double found = result_of(*this)[sample.offset];
        if (std::abs(found - sample.expected) <= tolerance) continue;  // NaN is not
        std::ostringstream mistake;
        mistake << std::setprecision(9) << "expected " << sample.expected << " at (" << sample.index[0]
                << ", " << sample.index[1] << ", " << sample.index[2] << ", " << sample.index[3]
                << "), found " << found;
        return mistake.str();
    }
    return {};
}

}  // namespace sparsetrain::bench
