#include <algorithm>

#include "double_operations.h"

namespace sparsetrain::test {
namespace {

// Pixels [top, bottom) x [left, right) of a plane.
struct Window {
    int top, bottom, left, right;
};

// The elements of src [N][C][H][W] in each window, dst element by dst element; window_of(y, x) is the same
// for all planes.
template <typename WindowOf>
std::vector<std::vector<std::size_t>> windows(Variable src, int height, int width, WindowOf window_of) {
    const int planes = src.size(0) * src.size(1), src_height = src.size(2), src_width = src.size(3);
    std::vector<std::vector<std::size_t>> all;
    for (int plane = 0; plane < planes; ++plane)
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) {
                const Window window = window_of(y, x);
                std::vector<std::size_t>& elements = all.emplace_back();
                for (int src_y = window.top; src_y < window.bottom; ++src_y)
                    for (int src_x = window.left; src_x < window.right; ++src_x)
                        elements.push_back(
                            static_cast<std::size_t>((plane * src_height + src_y) * src_width + src_x));
            }
    return all;
}

void require_images(Variable src) {
    require(src.shape().size() == 4, "src [N][C][H][W], given " + text(src.shape()));
}

}  // namespace

Variable max_pool(Variable src, int size, int stride, int padding) {
    require_images(src);
    const int src_height = src.size(2), src_width = src.size(3);
    require(size > padding && size <= std::min(src_height, src_width) + 2 * padding,
            "a window of more than the padding within the padded image " + text(src.shape()) + ", given " +
                std::to_string(size));
    const int height = (src_height + 2 * padding - size) / stride + 1;
    const int width = (src_width + 2 * padding - size) / stride + 1;
    const auto inside = [=](int y, int x) {
        const int top = y * stride - padding, left = x * stride - padding;
        return Window{std::max(top, 0), std::min(top + size, src_height), std::max(left, 0),
                      std::min(left + size, src_width)};
    };

    DoubleTensor dst = zeros_of({src.size(0), src.size(1), height, width});
    std::vector<std::size_t> winners;
    for (const std::vector<std::size_t>& window : windows(src, height, width, inside)) {
        std::size_t winner = window.at(0);
        for (const std::size_t i : window)
            if (src.values()[i] > src.values()[winner]) winner = i;
        dst.values[winners.size()] = src.values()[winner];
        winners.push_back(winner);
    }
    return src.tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        for (std::size_t i = 0; i < winners.size(); ++i) src.gradient()[winners[i]] += diff_dst[i];
    });
}

Variable adaptive_average_pool(Variable src, int height, int width) {
    require_images(src);
    const auto first = [](int index, int size, int count) { return index * size / count; };
    const auto end = [](int index, int size, int count) { return ((index + 1) * size + count - 1) / count; };
    const auto all = windows(src, height, width, [=](int y, int x) {
        return Window{first(y, src.size(2), height), end(y, src.size(2), height),
                      first(x, src.size(3), width), end(x, src.size(3), width)};
    });

    DoubleTensor dst = zeros_of({src.size(0), src.size(1), height, width});
    for (std::size_t i = 0; i < all.size(); ++i)
        for (const std::size_t from : all[i])
            dst.values[i] += src.values()[from] / static_cast<double>(all[i].size());
    return src.tape().record(std::move(dst), [=](const std::vector<double>& diff_dst) {
        for (std::size_t i = 0; i < all.size(); ++i)
            for (const std::size_t from : all[i])
                src.gradient()[from] += diff_dst[i] / static_cast<double>(all[i].size());
    });
}

}  // namespace sparsetrain::test
