// Every pass and policy of every linked layer class, compared with a direct convolution.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "direct_convolution.h"
#include "sparsetrain/conv2d.h"
#include "sparsetrain/library.h"
#include "sparsetrain/relu.h"

// Each program and each shared library that includes this checks the library that it is linked with itself.
namespace {

using namespace sparsetrain;
using reference::Element;

// From -1 to 1; about half of the numbers are zero.
float next_value() {
    static unsigned state = 1;
    state = state * 1664525u + 1013904223u;
    return state >> 31 ? static_cast<float>(state >> 7 & 0xffffff) * 0x1p-23f - 1 : 0.0f;
}

Tensor random_tensor(Shape shape) {
    Tensor tensor(shape);
    for (float& value : tensor.values()) value = next_value();
    return tensor;
}

void check(const char* what, const Element& expected, double given) {
    if (std::abs(given - expected.value) <= reference::rounding_bound(expected)) return;
    std::fprintf(stderr, "%s: expected %g, given %g\n", what, expected.value, given);
    std::exit(1);
}

void check(const char* what, const std::vector<Element>& expected, const Tensor& given) {
    const Shape s = given.shape();
    std::size_t i = 0;
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x)
                    check(what, expected[i++], reference::at(given.view(), n, c, y, x));
}

void check(const char* what, const std::vector<Element>& expected, const Weights& given) {
    const WeightsShape s = given.shape();
    std::size_t i = 0;
    for (int k = 0; k < s.k; ++k)
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.r; ++y)
                for (int x = 0; x < s.s; ++x) check(what, expected[i++], given.at(k, c, y, x));
}

// Of a ReLU whose result is `src`.
void apply_relu_backward(const Tensor& src, std::vector<Element>& diff_src) {
    const Shape s = src.shape();
    std::size_t i = 0;
    for (int n = 0; n < s.n; ++n)
        for (int c = 0; c < s.c; ++c)
            for (int y = 0; y < s.h; ++y)
                for (int x = 0; x < s.w; ++x, ++i)
                    if (reference::at(src.view(), n, c, y, x) == 0) diff_src[i] = {};
}

void check_class(const LayerClassInfo& info, Policy policy) {
    const int top = (info.filter_h - 1) / 2, left = (info.filter_w - 1) / 2;
    const ConvShape shape{.src = {2, 32, 12, 13},
                          .k = 32,
                          .filter_h = info.filter_h,
                          .filter_w = info.filter_w,
                          .stride = info.stride,
                          .padding = {top, left, top, left}};
    const Conv2d conv(shape, policy);
    Workspace workspace(2);
    const Tensor src = random_tensor(shape.src), diff_dst = random_tensor(shape.dst());
    Tensor dst(shape.dst()), diff_src(shape.src);
    Weights weights(shape.weights()), diff_weights(shape.weights());
    for (float& value : weights.values()) value = next_value();
    const PackedWeights packed(weights.view());

    conv.forward(src.view(), packed, {}, dst.view(), workspace);
    check("fwd", reference::forward(shape, src.view(), weights.view(), {}), dst);
    if (info.backward_data) {
        Mask mask(shape.src);  // as of a ReLU that made src
        occupancy_mask(src.view(), mask.view(), workspace);
        conv.backward_data(diff_dst.view(), packed, diff_src.view(), workspace, mask.view());
        auto expected = reference::backward_data(shape, diff_dst.view(), weights.view());
        apply_relu_backward(src, expected);
        check("bwd_data by mask", expected, diff_src);
    }
    if (info.backward_data && policy != Policy::output_mask) {
        conv.backward_data(diff_dst.view(), packed, diff_src.view(), workspace);
        check("bwd_data", reference::backward_data(shape, diff_dst.view(), weights.view()), diff_src);
    }
    conv.backward_weights(src.view(), diff_dst.view(), diff_weights.view(), {}, workspace);
    check("bwd_weights", reference::backward_weights(shape, src.view(), diff_dst.view()), diff_weights);
}

// Of this many classes. Says on stdout what there is, and on stderr what is wrong.
bool check_classes(std::size_t expected) {
    std::printf("sparsetrain %s, %s:", version(), microarchitecture());
    for (const LayerClassInfo& info : layer_classes()) {
        std::printf(" %s", info.name);
        for (const Policy policy : {Policy::automatic, Policy::dense, Policy::zero_skip, Policy::output_mask})
            check_class(info, policy);
    }
    std::printf("\n");
    return layer_classes().size() == expected;
}

}  // namespace
