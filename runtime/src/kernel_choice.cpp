#include "kernel_choice.h"

#include <algorithm>
#include <bit>

namespace sparsetrain::detail {

namespace {

constexpr double kHysteresis = 2.0;  // percentage points
constexpr std::size_t kRowStride =
    67;  // samples at most 1/64 of the rows; a prime, to meet all rows and channel blocks

double percentage(std::size_t zeros, std::size_t total) {
    return total == 0 ? 0.0 : 100.0 * static_cast<double>(zeros) / static_cast<double>(total);
}

double zeros_from_mask(const ConstMaskView& mask) {
    const Shape& shape = mask.shape;
    std::size_t occupied = 0;
    for (std::size_t i = 0; i < shape.pixels(); ++i)
        occupied += static_cast<std::size_t>(std::popcount(mask.data[i]));
    const std::size_t channels = static_cast<std::size_t>(channel_blocks(shape.c)) * kLanes;
    const std::size_t total = shape.elements() / channels * static_cast<std::size_t>(shape.c);
    return percentage(total - std::min(occupied, total), total);
}

double zeros_from_rows(const ConstTensorView& tensor) {
    const Shape& shape = tensor.shape;
    const auto blocks = static_cast<std::size_t>(channel_blocks(shape.c));
    const auto height = static_cast<std::size_t>(shape.h), width = static_cast<std::size_t>(shape.w);
    const std::size_t rows = static_cast<std::size_t>(shape.n) * blocks * height;
    std::size_t zeros = 0, total = 0;
    for (std::size_t row = std::min(kRowStride, rows) / 2; row < rows; row += kRowStride) {
        const std::size_t block = row / height % blocks;
        const std::size_t lanes =
            std::min<std::size_t>(kLanes, static_cast<std::size_t>(shape.c) - block * kLanes);
        const float* values = tensor.data + row * width * kLanes;
        for (std::size_t i = 0; i < width * kLanes; ++i) zeros += values[i] == 0.0f;
        zeros -= (kLanes - lanes) * width;  // the padding lanes, all zero
        total += lanes * width;
    }
    return percentage(zeros, total);
}

}  // namespace

double observe_zeros(const SparseInput& input) {
    return input.mask ? zeros_from_mask(input.mask) : zeros_from_rows(input.tensor);
}

Kernel choose_kernel(double zeros, double crossover, const Kernel* previous) {
    double threshold = crossover;
    if (previous != nullptr) threshold += *previous == Kernel::zero_skip ? -kHysteresis : kHysteresis;
    return zeros >= threshold ? Kernel::zero_skip : Kernel::dense;
}

}  // namespace sparsetrain::detail
