#include "observed_zeros.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace sparsetrain::detail {

namespace {

constexpr std::size_t kRowStride =
    67;  // at most 1/64 of the rows; a prime, so that samples do not keep to one row or block

double percentage(std::size_t zeros, std::size_t total) {
    return total == 0 ? 0.0 : 100.0 * static_cast<double>(zeros) / static_cast<double>(total);
}

// By SSE2, which every x86-64 CPU has, as popcnt is not: 18 GB/s on a core where that counts 32.
__m128i bits_of_bytes(__m128i words) {
    const __m128i pairs = _mm_set1_epi8(0x55), fours = _mm_set1_epi8(0x33), eights = _mm_set1_epi8(0x0f);
    words = _mm_sub_epi8(words, _mm_and_si128(_mm_srli_epi64(words, 1), pairs));
    words = _mm_add_epi8(_mm_and_si128(words, fours), _mm_and_si128(_mm_srli_epi64(words, 2), fours));
    return _mm_and_si128(_mm_add_epi8(words, _mm_srli_epi64(words, 4)), eights);
}

std::size_t count_bits(const std::uint16_t* words, std::size_t count) {
    constexpr std::size_t kPerVector = sizeof(__m128i) / sizeof(std::uint16_t);
    __m128i sums = _mm_setzero_si128();  // of two halves
    for (std::size_t i = 0; i < count; i += kPerVector) {
        __m128i vector = _mm_setzero_si128();
        if (count - i >= kPerVector) {
            std::memcpy(&vector, words + i, sizeof vector);
        } else {
            std::memcpy(&vector, words + i, (count - i) * sizeof *words);
        }
        sums = _mm_add_epi64(sums, _mm_sad_epu8(bits_of_bytes(vector), _mm_setzero_si128()));
    }
    return static_cast<std::size_t>(_mm_cvtsi128_si64(sums) +
                                    _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums)));
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

}  // namespace sparsetrain::detail
