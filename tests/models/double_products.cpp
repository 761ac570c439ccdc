#include "double_operations.h"

namespace sparsetrain::test {
namespace {

using Index = std::ptrdiff_t;

// Products of one weight: those of dst, dst + 1, ... with src, src + stride, ...
struct Row {
    Index dst, src, weight, count;
};

struct Convolution {
    Index batch, src_channels, src_height, src_width;
    Index channels, filter_height, filter_width;
    Index stride, padding;
    Index height, width;  // Of dst.

    Convolution(const std::vector<int>& src, const std::vector<int>& weights, int its_stride, int its_padding)
        : batch(src[0]),
          src_channels(src[1]),
          src_height(src[2]),
          src_width(src[3]),
          channels(weights[0]),
          filter_height(weights[2]),
          filter_width(weights[3]),
          stride(its_stride),
          padding(its_padding),
          height((src_height + 2 * padding - filter_height) / stride + 1),
          width((src_width + 2 * padding - filter_width) / stride + 1) {
        const std::string given = ", given " + text(weights) + " and " + text(src);
        require(weights[1] == src_channels, "weights for the channels of src" + given);
        require(filter_height <= src_height + 2 * padding && filter_width <= src_width + 2 * padding,
                "a filter within the padded image" + given);
    }

    // Visits every product of an output, an input and a weight, except those with the padding.
    template <typename Visit>
    void for_each_row(Visit visit) const {
        for (Index n = 0; n < batch; ++n)
            for (Index k = 0; k < channels; ++k)
                for (Index c = 0; c < src_channels; ++c)
                    for (Index r = 0; r < filter_height; ++r)
                        for (Index s = 0; s < filter_width; ++s) for_each_row_of_tap(n, k, c, r, s, visit);
    }

  private:
    template <typename Visit>
    void for_each_row_of_tap(Index n, Index k, Index c, Index r, Index s, Visit visit) const {
        const Index weight = ((k * src_channels + c) * filter_height + r) * filter_width + s;
        Index first = 0, end = width;
        while (first < end && first * stride + s < padding) ++first;
        while (first < end && (end - 1) * stride + s - padding >= src_width) --end;
        for (Index y = 0; y < height; ++y) {
            const Index src_y = y * stride + r - padding;
            if (src_y < 0 || src_y >= src_height) continue;
            const Index dst_row = ((n * channels + k) * height + y) * width;
            const Index src_row = ((n * src_channels + c) * src_height + src_y) * src_width;
            visit(Row{dst_row + first, src_row + first * stride + s - padding, weight, end - first});
        }
    }
};

}  // namespace

Variable convolution(Variable src, Variable weights, int stride, int padding) {
    require(src.shape().size() == 4 && weights.shape().size() == 4,
            "src [N][C][H][W] and weights [K][C][R][S], given " + text(src.shape()) + " and " +
                text(weights.shape()));
    const Convolution conv(src.shape(), weights.shape(), stride, padding);
    DoubleTensor dst =
        zeros_of({src.size(0), weights.size(0), static_cast<int>(conv.height), static_cast<int>(conv.width)});
    conv.for_each_row([stride, from = src.values().data(), by = weights.values().data(),
                       to = dst.values.data()](const Row& row) {
        const double weight = by[row.weight];
        for (Index x = 0; x < row.count; ++x) to[row.dst + x] += weight * from[row.src + x * stride];
    });
    return src.tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        conv.for_each_row([stride, from = src.values().data(), by = weights.values().data(),
                           diff = diff_dst.data(), diff_src = src.gradient().data(),
                           diff_weights = weights.gradient().data()](const Row& row) {
            const double weight = by[row.weight];
            double sum = 0;
            for (Index x = 0; x < row.count; ++x) {
                diff_src[row.src + x * stride] += weight * diff[row.dst + x];
                sum += from[row.src + x * stride] * diff[row.dst + x];
            }
            diff_weights[row.weight] += sum;
        });
    });
}

Variable linear(Variable src, Variable weights) {
    require(
        src.shape().size() == 2 && weights.shape().size() == 2 && src.size(1) == weights.size(1),
        "src [N][in] and weights [out][in], given " + text(src.shape()) + " and " + text(weights.shape()));
    const Index batch = src.size(0), in = src.size(1), out = weights.size(0);
    DoubleTensor dst = zeros_of({src.size(0), weights.size(0)});
    for (Index k = 0; k < out; ++k)
        for (Index n = 0; n < batch; ++n) {
            const double* a = src.values().data() + n * in;
            const double* b = weights.values().data() + k * in;
            double sum = 0;
            for (Index i = 0; i < in; ++i) sum += a[i] * b[i];
            dst.values.data()[n * out + k] = sum;
        }
    return src.tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        for (Index k = 0; k < out; ++k)
            for (Index n = 0; n < batch; ++n) {
                const double diff = diff_dst.data()[n * out + k];
                double* diff_src = src.gradient().data() + n * in;
                double* diff_weights = weights.gradient().data() + k * in;
                const double* a = src.values().data() + n * in;
                const double* b = weights.values().data() + k * in;
                for (Index i = 0; i < in; ++i) diff_src[i] += diff * b[i];
                for (Index i = 0; i < in; ++i) diff_weights[i] += diff * a[i];
            }
    });
}

}  // namespace sparsetrain::test
