#include "double_operations.h"

#include <cmath>

namespace sparsetrain::test {
namespace {

// Calls visit(c, i) for every element i of a tensor [N][C] or [N][C][H][W].
template <typename Visit>
void for_each_of_channel(const std::vector<int>& shape, Visit visit) {
    const auto channels = static_cast<std::size_t>(shape.at(1));
    std::size_t plane = 1;
    for (std::size_t d = 2; d < shape.size(); ++d) plane *= static_cast<std::size_t>(shape[d]);
    for (std::size_t n = 0, i = 0; n < static_cast<std::size_t>(shape[0]); ++n)
        for (std::size_t c = 0; c < channels; ++c)
            for (std::size_t end = i + plane; i < end; ++i) visit(c, i);
}

void require_vector(Variable channels, Variable src, const std::string& name) {
    require(src.shape().size() >= 2 && channels.shape() == std::vector<int>{src.size(1)},
            name + " for the channels of " + text(src.shape()) + ", given " + text(channels.shape()));
}
void require_scalar(Variable scalar) {
    require(scalar.shape() == std::vector<int>{1}, "a scalar [1], given " + text(scalar.shape()));
}

// What an operation on single elements gives: dst[i] = value(i), and backward(i) for each of them.
template <typename Value, typename Backward>
Variable elementwise(Variable src, Value value, Backward backward) {
    DoubleTensor dst = zeros_of(src.shape());
    for (std::size_t i = 0; i < dst.values.size(); ++i) dst.values[i] = value(i);
    return src.tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        for (std::size_t i = 0; i < diff_dst.size(); ++i) backward(i, diff_dst[i]);
    });
}

struct Statistics {
    std::vector<double> mean, variance;
    double count;  // Of a channel's values.
};
Statistics statistics_of(Variable src) {
    const auto channels = static_cast<std::size_t>(src.size(1));
    const std::size_t count = src.values().size() / channels;
    Statistics s{std::vector<double>(channels), std::vector<double>(channels), static_cast<double>(count)};
    for_each_of_channel(src.shape(),
                        [&](std::size_t c, std::size_t i) { s.mean[c] += src.values()[i] / s.count; });
    for_each_of_channel(src.shape(), [&](std::size_t c, std::size_t i) {
        s.variance[c] += std::pow(src.values()[i] - s.mean[c], 2) / s.count;
    });
    return s;
}

}  // namespace

Variable add_bias(Variable src, Variable bias) {
    require_vector(bias, src, "a bias");
    DoubleTensor dst = src.value();
    for_each_of_channel(src.shape(),
                        [&](std::size_t c, std::size_t i) { dst.values[i] += bias.values()[c]; });
    return src.tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        for_each_of_channel(src.shape(), [&, &diff_src = src.gradient(), &diff_bias = bias.gradient()](
                                             std::size_t c, std::size_t i) {
            diff_src[i] += diff_dst[i];
            diff_bias[c] += diff_dst[i];
        });
    });
}

Variable add_scalar(Variable src, Variable scalar) {
    require_scalar(scalar);
    return elementwise(
        src, [&](std::size_t i) { return src.values()[i] + scalar.values()[0]; },
        [=](std::size_t i, double diff) {
            src.gradient()[i] += diff;
            scalar.gradient()[0] += diff;
        });
}

Variable times_scalar(Variable src, Variable scalar) {
    require_scalar(scalar);
    return elementwise(
        src, [&](std::size_t i) { return src.values()[i] * scalar.values()[0]; },
        [=](std::size_t i, double diff) {
            src.gradient()[i] += diff * scalar.values()[0];
            scalar.gradient()[0] += diff * src.values()[i];
        });
}

Variable add(Variable a, Variable b) {
    require(a.shape() == b.shape(), "equal shapes, given " + text(a.shape()) + " and " + text(b.shape()));
    return elementwise(
        a, [&](std::size_t i) { return a.values()[i] + b.values()[i]; },
        [=](std::size_t i, double diff) {
            a.gradient()[i] += diff;
            b.gradient()[i] += diff;
        });
}

Variable relu(Variable src) {
    return elementwise(
        src, [&](std::size_t i) { return src.values()[i] > 0 ? src.values()[i] : 0; },
        [=](std::size_t i, double diff) {
            if (src.values()[i] > 0) src.gradient()[i] += diff;
        });
}

Variable concatenate(const std::vector<Variable>& parts) {
    std::vector<int> shape = parts.at(0).shape();
    shape.at(1) = 0;
    for (const Variable& part : parts) {
        std::vector<int> expected = shape;
        expected[1] = part.size(1);
        require(part.shape() == expected, "a part " + text(expected) + ", given " + text(part.shape()));
        shape[1] += part.size(1);
    }
    DoubleTensor dst = zeros_of(shape);
    // Calls visit(part, i, j) for every element i of a part, which is j of dst.
    const auto for_each = [parts, images = shape[0], all = dst.values.size()](auto visit) {
        const auto of_image = [=](std::size_t size) { return size / static_cast<std::size_t>(images); };
        std::size_t begin = 0;  // in an image
        for (const Variable& part : parts) {
            const std::size_t size = of_image(part.values().size());
            for (std::size_t i = 0; i < part.values().size(); ++i)
                visit(part, i, i / size * of_image(all) + begin + i % size);
            begin += size;
        }
    };
    for_each([&](const Variable& part, std::size_t i, std::size_t j) { dst.values[j] = part.values()[i]; });
    return parts[0].tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        for_each(
            [&](const Variable& part, std::size_t i, std::size_t j) { part.gradient()[i] += diff_dst[j]; });
    });
}

Variable flatten(Variable src) {
    DoubleTensor dst = src.value();
    dst.shape = {src.size(0), static_cast<int>(src.values().size()) / src.size(0)};
    return src.tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        for (std::size_t i = 0; i < diff_dst.size(); ++i) src.gradient()[i] += diff_dst[i];
    });
}

Variable dropout(Variable src, double rate, const Kept& kept) {
    require(src.shape().size() == 2, "src [N][features], given " + text(src.shape()));
    const int features = src.size(1);
    const auto factor = [=](std::size_t i) {
        const int element = static_cast<int>(i);
        return kept(element / features, element % features) ? 1 / (1 - rate) : 0;
    };
    return elementwise(
        src, [&](std::size_t i) { return src.values()[i] * factor(i); },
        [=](std::size_t i, double diff) { src.gradient()[i] += diff * factor(i); });
}

Normalised batch_norm(Variable src, Variable scale, Variable shift, double epsilon) {
    require_vector(scale, src, "a scale");
    require_vector(shift, src, "a shift");
    const Statistics statistics = statistics_of(src);
    require(statistics.count > 1, "more than one value of each channel, given " + text(src.shape()));
    const auto rstd = [=](std::size_t c) { return 1 / std::sqrt(statistics.variance[c] + epsilon); };
    const auto normal = [=](std::size_t c, std::size_t i) {
        return (src.values()[i] - statistics.mean[c]) * rstd(c);
    };

    DoubleTensor dst = zeros_of(src.shape());
    for_each_of_channel(src.shape(), [&](std::size_t c, std::size_t i) {
        dst.values[i] = normal(c, i) * scale.values()[c] + shift.values()[c];
    });
    const auto backward = [=](const std::vector<double>& diff_dst) {
        std::vector<double> diff_scale(scale.values().size()), diff_shift(scale.values().size());
        for_each_of_channel(src.shape(), [&](std::size_t c, std::size_t i) {
            diff_scale[c] += diff_dst[i] * normal(c, i);
            diff_shift[c] += diff_dst[i];
        });
        for_each_of_channel(src.shape(), [&](std::size_t c, std::size_t i) {
            const double through_statistics =
                (diff_shift[c] + normal(c, i) * diff_scale[c]) / statistics.count;
            src.gradient()[i] += scale.values()[c] * rstd(c) * (diff_dst[i] - through_statistics);
        });
        for (std::size_t c = 0; c < diff_scale.size(); ++c) {
            scale.gradient()[c] += diff_scale[c];
            shift.gradient()[c] += diff_shift[c];
        }
    };
    Normalised result{src.tape().record(std::move(dst), backward), statistics.mean, statistics.variance};
    for (double& variance : result.unbiased_variance) variance *= statistics.count / (statistics.count - 1);
    return result;
}

}  // namespace sparsetrain::test
