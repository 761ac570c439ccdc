// A batch with its statistics and all that batch normalisation takes, for its tests.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "sparsetrain/batch_norm.h"
#include "support.h"

namespace sparsetrain::test {

using Channels = std::vector<float>;

// Values that are neither integers nor centred, each channel with a mean and deviation of its own.
inline Tensor reals(const Shape& shape, unsigned seed, double offset = 0) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal;
    Tensor tensor(shape);
    for_each(shape, [&](int n, int c, int y, int x) {
        const double deviation = 0.5 + 0.1 * (c % 7);
        tensor.values()[at(shape, n, c, y, x)] =
            static_cast<float>((offset + c % 5) * deviation + deviation * normal(engine));
    });
    return tensor;
}
inline Channels channels_of(int count, double first, double step) {
    Channels channels;
    for (int c = 0; c < count; ++c) channels.push_back(static_cast<float>(first + step * (c % 11)));
    return channels;
}

// In double, by definition.
struct Reference {
    std::vector<double> mean, variance;

    explicit Reference(const Tensor& src) {
        const Shape& s = src.shape();
        const double count = static_cast<double>(s.n) * s.h * s.w;
        mean.resize(static_cast<std::size_t>(s.c));
        variance.resize(mean.size());
        const auto value = [&](int n, int c, int y, int x) -> double {
            return src.values()[at(s, n, c, y, x)];
        };
        for_each(s, [&](int n, int c, int y, int x) {
            mean[static_cast<std::size_t>(c)] += value(n, c, y, x) / count;
        });
        for_each(s, [&](int n, int c, int y, int x) {
            const double distance = value(n, c, y, x) - mean[static_cast<std::size_t>(c)];
            variance[static_cast<std::size_t>(c)] += distance * distance / count;
        });
    }
};

// A batch with its statistics and everything that a call may be given.
struct Batch {
    explicit Batch(const Shape& its_shape, Workspace& workspace)
        : shape(its_shape),
          src(reals(shape, 1)),
          addend(reals(shape, 2)),
          diff_dst(reals(shape, 3)),
          mean(static_cast<std::size_t>(shape.c)),
          variance(mean.size()),
          scale(channels_of(shape.c, -0.5, 0.25)),
          shift(channels_of(shape.c, 0.3, -0.1)) {
        batch_statistics(src.view(), mean, variance, workspace);
    }
    BatchNorm norm() const { return {mean, variance, scale, shift, 1e-3F, statistics}; }

    double count() const { return static_cast<double>(shape.n) * shape.h * shape.w; }
    double rstd(int c) const { return 1 / std::sqrt(variance[index(c)] + double{1e-3F}); }
    double normal(int n, int c, int y, int x) const {
        return (src.values()[at(shape, n, c, y, x)] - double{mean[index(c)]}) * rstd(c);
    }
    double result(int n, int c, int y, int x) const {
        return normal(n, c, y, x) * scale[index(c)] + shift[index(c)];
    }
    static std::size_t index(int c) { return static_cast<std::size_t>(c); }

    Shape shape;
    Tensor src, addend, diff_dst;
    Channels mean, variance, scale, shift;
    BatchNorm::Statistics statistics = BatchNorm::Statistics::of_src;
};

// That of float sums of a few terms of this size.
inline double tolerance(double value) {
    return 2e-6 * (3 + std::abs(value));
}

inline void expect_padding_is_zero(const Tensor& tensor) {
    for_each_padding(tensor.shape(), [&](int n, int c, int y, int x) {
        ASSERT_EQ(tensor.values()[at(tensor.shape(), n, c, y, x)], 0);
    });
}

}  // namespace sparsetrain::test
