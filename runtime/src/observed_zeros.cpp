#include "observed_zeros.h"

#include <algorithm>
#include <cstdint>

#include "mask_bits.h"

namespace sparsetrain::detail {

namespace {

// At most 1/64 of the rows; a prime, so that samples do not keep to one row or block. And no more values than
// that, however large the tensor: a tenth of a point, or some 20 us.
constexpr std::size_t kRowStride = 67, kMostValues = 1 << 18;

bool is_prime(std::size_t number) {
    for (std::size_t divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0) return false;
    return true;
}

std::size_t distance_of_samples(std::size_t values) {
    std::size_t distance = std::max(kRowStride, values / kMostValues);
    while (!is_prime(distance)) ++distance;
    return distance;
}

double percentage(std::size_t zeros, std::size_t total) {
    return total == 0 ? 0.0 : 100.0 * static_cast<double>(zeros) / static_cast<double>(total);
}

// Of a mask that has so many bits; those of lanes that pad channels may be among them.
double zeros_of_mask(const Shape& shape, std::int64_t set_bits) {
    const std::size_t channels = static_cast<std::size_t>(channel_blocks(shape.c)) * kLanes;
    const std::size_t total = shape.elements() / channels * static_cast<std::size_t>(shape.c);
    return percentage(total - std::min(static_cast<std::size_t>(set_bits), total), total);
}

// Among the first `lanes` lanes of the pixels of a row.
std::size_t count_zeros(const float* row, std::size_t width, std::size_t lanes) {
    std::size_t zeros = 0;
    for (std::size_t x = 0; x < width; ++x) {
        for (std::size_t lane = 0; lane < lanes; ++lane) zeros += row[x * kLanes + lane] == 0.0f;
    }
    return zeros;
}

double zeros_from_rows(const ConstTensorView& tensor) {
    const Shape& shape = tensor.shape;
    const auto blocks = static_cast<std::size_t>(channel_blocks(shape.c));
    const auto height = static_cast<std::size_t>(shape.h), width = static_cast<std::size_t>(shape.w);
    const std::size_t rows = static_cast<std::size_t>(shape.n) * blocks * height;
    const std::size_t distance = distance_of_samples(rows * width * kLanes);
    std::size_t zeros = 0, total = 0;
    for (std::size_t row = rows < distance ? rows / 2 : distance - 1; row < rows; row += distance) {
        const std::size_t block = row / height % blocks;
        const std::size_t lanes =
            std::min<std::size_t>(kLanes, static_cast<std::size_t>(shape.c) - block * kLanes);
        zeros += count_zeros(tensor.data + row * width * kLanes, width, lanes);
        total += lanes * width;
    }
    return percentage(zeros, total);
}

}  // namespace

double observe_zeros(const char* function, const SparseInput& input, Workspace& workspace) {
    return input.mask ? observe_zeros(function, input.mask, workspace) : zeros_from_rows(input.tensor);
}

double observe_zeros(const char* function, const ConstMaskView& mask, Workspace& workspace) {
    return zeros_of_mask(mask.shape, set_bits_of(function, mask, workspace));
}

}  // namespace sparsetrain::detail
