#include "kernel_choice.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace sparsetrain::detail {

namespace {

constexpr double kHysteresis = 2.0;  // percentage points
constexpr std::size_t kRowStride =
    67;  // at most 1/64 of the rows; a prime, so that samples do not keep to one row or block

double percentage(std::size_t zeros, std::size_t total) {
    return total == 0 ? 0.0 : 100.0 * static_cast<double>(zeros) / static_cast<double>(total);
}

// Every CPU that runs a kernel has popcnt; the baseline that this file is compiled for has not.
__attribute__((target("popcnt"))) std::size_t count_bits(const std::uint16_t* words, std::size_t count) {
    constexpr std::size_t kPerQuad = sizeof(std::uint64_t) / sizeof(std::uint16_t);
    std::size_t bits = 0, i = 0;
    for (; i + kPerQuad <= count; i += kPerQuad) {
        std::uint64_t quad;
        std::memcpy(&quad, words + i, sizeof quad);
        bits += static_cast<std::size_t>(__builtin_popcountll(quad));
    }
    for (; i < count; ++i) bits += static_cast<std::size_t>(__builtin_popcountll(words[i]));
    return bits;
}

double zeros_from_mask(const ConstMaskView& mask) {
    const Shape& shape = mask.shape;
    const std::size_t channels = static_cast<std::size_t>(channel_blocks(shape.c)) * kLanes;
    const std::size_t total = shape.elements() / channels * static_cast<std::size_t>(shape.c);
    return percentage(total - std::min(count_bits(mask.data, shape.pixels()), total), total);
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
    std::size_t zeros = 0, total = 0;
    for (std::size_t row = rows < kRowStride ? rows / 2 : kRowStride - 1; row < rows; row += kRowStride) {
        const std::size_t block = row / height % blocks;
        const std::size_t lanes =
            std::min<std::size_t>(kLanes, static_cast<std::size_t>(shape.c) - block * kLanes);
        zeros += count_zeros(tensor.data + row * width * kLanes, width, lanes);
        total += lanes * width;
    }
    return percentage(zeros, total);
}

}  // namespace

double observe_zeros(const SparseInput& input) {
    return input.mask ? zeros_from_mask(input.mask) : zeros_from_rows(input.tensor);
}

double observe_zeros(const ConstMaskView& mask) {
    return zeros_from_mask(mask);
}

const Candidate* choose_kernel(std::span<const Candidate> candidates, const Choice* previous) {
    const Candidate* best = nullptr;
    double least_work = 1;  // dense's; work is in proportion to what is not zero
    for (const Candidate& candidate : candidates) {
        double zeros = candidate.zeros;
        if (previous != nullptr) {
            if (previous->kernel == Kernel::dense) zeros -= kHysteresis;
            if (previous->kernel == candidate.kernel && previous->skipped == candidate.skipped)
                zeros += kHysteresis;
        }
        const double work = (100 - zeros) / (100 - candidate.crossover);
        if (work > least_work || (work == least_work && best != nullptr)) continue;
        best = &candidate;
        least_work = work;
    }
    return best;
}

const Candidate& sparsest(std::span<const Candidate> candidates) {
    return *std::max_element(candidates.begin(), candidates.end(),
                             [](const Candidate& a, const Candidate& b) { return a.zeros < b.zeros; });
}

const Candidate* sparsest_of(Kernel kernel, std::span<const Candidate> candidates) {
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates) {
        if (candidate.kernel == kernel && (best == nullptr || candidate.zeros > best->zeros))
            best = &candidate;
    }
    return best;
}

}  // namespace sparsetrain::detail
