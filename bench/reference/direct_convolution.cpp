#include "direct_convolution.h"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace sparsetrain::reference {

namespace {

// The index along one axis that tap `tap` of output `out` reads.
int source_index(int out, int stride, int tap, int pad) {
    return out * stride + tap - pad;
}

bool inside(int index, int extent) {
    return index >= 0 && index < extent;
}

// Calls visit(a, b, c, d) for every index of an array of these extents, in row-major order.
template <typename Visit>
std::vector<Element> for_each_index(int a, int b, int c, int d, Visit visit) {
    std::vector<Element> elements;
    elements.reserve(static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * static_cast<std::size_t>(c) *
                     static_cast<std::size_t>(d));
    for (int i = 0; i < a; ++i)
        for (int j = 0; j < b; ++j)
            for (int k = 0; k < c; ++k)
                for (int l = 0; l < d; ++l) elements.push_back(visit(i, j, k, l));
    return elements;
}

}  // namespace

void Element::add(double a, double b) {
    value += a * b;
    magnitude += std::abs(a * b);
    ++terms;
}

double rounding_bound(const Element& element) {
    const double unit_roundoff = std::ldexp(1.0, -24);
    const double operations = static_cast<double>(element.terms) + 1;
    const double gamma = operations * unit_roundoff / (1 - operations * unit_roundoff);
    return gamma * element.magnitude + operations * std::numeric_limits<float>::denorm_min();
}

std::size_t lane_offset(const Shape& shape, int n, int c, int y, int x) {
    if (!inside(n, shape.n) || !inside(c, channel_blocks(shape.c) * kLanes) || !inside(y, shape.h) ||
        !inside(x, shape.w))
        throw std::out_of_range("lane_offset: index outside of the tensor");
    std::size_t pixel = static_cast<std::size_t>(n);
    pixel = pixel * static_cast<std::size_t>(channel_blocks(shape.c)) + static_cast<std::size_t>(c / kLanes);
    pixel = pixel * static_cast<std::size_t>(shape.h) + static_cast<std::size_t>(y);
    pixel = pixel * static_cast<std::size_t>(shape.w) + static_cast<std::size_t>(x);
    return pixel * kLanes + static_cast<std::size_t>(c % kLanes);
}

bool bit_at(const ConstMaskView& mask, int n, int c, int y, int x) {
    const std::size_t offset = lane_offset(mask.shape, n, c, y, x);
    return (mask.data[offset / kLanes] >> (offset % kLanes) & 1) != 0;
}

Element forward_at(const ConvShape& shape, ConstTensorView src, ConstWeightsView weights,
                   std::span<const float> bias, int n, int k, int y, int x) {
    Element sum;
    for (int r = 0; r < shape.filter_h; ++r) {
        const int sy = source_index(y, shape.stride, r, shape.padding.top);
        if (!inside(sy, shape.src.h)) continue;
        for (int s = 0; s < shape.filter_w; ++s) {
            const int sx = source_index(x, shape.stride, s, shape.padding.left);
            if (!inside(sx, shape.src.w)) continue;
            for (int c = 0; c < shape.src.c; ++c)
                sum.add(at(src, n, c, sy, sx), weights.data[weights.shape.offset(k, c, r, s)]);
        }
    }
    if (!bias.empty()) sum.add(bias[static_cast<std::size_t>(k)], 1);
    return sum;
}

Element backward_data_at(const ConvShape& shape, ConstTensorView diff_dst, ConstWeightsView weights, int n,
                         int c, int y, int x) {
    const Shape dst = shape.dst();
    Element sum;
    for (int r = 0; r < shape.filter_h; ++r) {
        for (int s = 0; s < shape.filter_w; ++s) {
            const int strided_y = y + shape.padding.top - r, strided_x = x + shape.padding.left - s;
            if (strided_y % shape.stride != 0 || strided_x % shape.stride != 0) continue;
            const int dy = strided_y / shape.stride, dx = strided_x / shape.stride;
            if (!inside(dy, dst.h) || !inside(dx, dst.w)) continue;
            for (int k = 0; k < shape.k; ++k)
                sum.add(at(diff_dst, n, k, dy, dx), weights.data[weights.shape.offset(k, c, r, s)]);
        }
    }
    return sum;
}

Element backward_weights_at(const ConvShape& shape, ConstTensorView src, ConstTensorView diff_dst, int k,
                            int c, int r, int s) {
    const Shape dst = shape.dst();
    Element sum;
    for (int n = 0; n < dst.n; ++n) {
        for (int y = 0; y < dst.h; ++y) {
            const int sy = source_index(y, shape.stride, r, shape.padding.top);
            if (!inside(sy, shape.src.h)) continue;
            for (int x = 0; x < dst.w; ++x) {
                const int sx = source_index(x, shape.stride, s, shape.padding.left);
                if (!inside(sx, shape.src.w)) continue;
                sum.add(at(src, n, c, sy, sx), at(diff_dst, n, k, y, x));
            }
        }
    }
    return sum;
}

Element backward_bias_at(const ConvShape& shape, ConstTensorView diff_dst, int k) {
    const Shape dst = shape.dst();
    Element sum;
    for (int n = 0; n < dst.n; ++n)
        for (int y = 0; y < dst.h; ++y)
            for (int x = 0; x < dst.w; ++x) sum.add(at(diff_dst, n, k, y, x), 1);
    return sum;
}

Element relu(Element element) {
    if (element.value <= 0) element.value = 0;
    return element;
}

std::vector<Element> forward(const ConvShape& shape, ConstTensorView src, ConstWeightsView weights,
                             std::span<const float> bias) {
    const Shape dst = shape.dst();
    return for_each_index(dst.n, dst.c, dst.h, dst.w, [&](int n, int k, int y, int x) {
        return forward_at(shape, src, weights, bias, n, k, y, x);
    });
}

std::vector<Element> backward_data(const ConvShape& shape, ConstTensorView diff_dst,
                                   ConstWeightsView weights) {
    const Shape src = shape.src;
    return for_each_index(src.n, src.c, src.h, src.w, [&](int n, int c, int y, int x) {
        return backward_data_at(shape, diff_dst, weights, n, c, y, x);
    });
}

std::vector<Element> backward_weights(const ConvShape& shape, ConstTensorView src, ConstTensorView diff_dst) {
    return for_each_index(
        shape.k, shape.src.c, shape.filter_h, shape.filter_w,
        [&](int k, int c, int r, int s) { return backward_weights_at(shape, src, diff_dst, k, c, r, s); });
}

std::vector<Element> backward_bias(const ConvShape& shape, ConstTensorView diff_dst) {
    return for_each_index(shape.k, 1, 1, 1,
                          [&](int k, int, int, int) { return backward_bias_at(shape, diff_dst, k); });
}

}  // namespace sparsetrain::reference
