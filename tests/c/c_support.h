// What tests of the C interface share: data, memory of masks, and comparison with what the C++ API makes.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <type_traits>

#include "sparsetrain/c/sparsetrain.h"
#include "sparsetrain/conv2d.h"
#include "sparsetrain/tensor.h"

// The call returns SPARSETRAIN_OK.
#define ASSERT_DONE(call) ASSERT_EQ((call), SPARSETRAIN_OK) << sparsetrain_error_text()

namespace sparsetrain::test {

inline sparsetrain_shape to_c(const Shape& s) {
    return {s.n, s.c, s.h, s.w};
}
inline sparsetrain_weights_shape to_c(const WeightsShape& s) {
    return {s.k, s.c, s.r, s.s};
}
inline sparsetrain_conv_shape to_c(const ConvShape& s) {
    const Padding& p = s.padding;
    return {to_c(s.src), s.k, s.filter_h, s.filter_w, s.stride, p.top, p.left, p.bottom, p.right};
}

// A mask of C callers, full of what is no mask: functions may not read what they are to write.
class CMask {
  public:
    explicit CMask(const Shape& shape)
        : shape_(shape), memory_(sizeof(sparsetrain_mask) / 2 + shape.pixels()) {
        std::fill(memory_.begin(), memory_.end(), std::uint16_t{0xA5A5});
    }
    explicit CMask(const Mask& mask) : CMask(mask.shape()) {
        std::copy(mask.words().begin(), mask.words().end(), words().begin());
        get()->set_bits = kNotCounted;
    }

    sparsetrain_mask* get() { return reinterpret_cast<sparsetrain_mask*>(memory_.data()); }
    std::span<std::uint16_t> words() {
        return {memory_.data() + sizeof(sparsetrain_mask) / 2, shape_.pixels()};
    }

  private:
    Shape shape_;
    AlignedArray<std::uint16_t> memory_;
};

// About a third zeros and as many that are negative, and zeros in the lanes that pad channels.
inline void fill(Tensor& tensor, unsigned seed) {
    std::mt19937 random(seed);
    const Shape shape = tensor.shape();
    const std::size_t plane = static_cast<std::size_t>(shape.h * shape.w) * kLanes;
    for (std::size_t i = 0; i < shape.elements(); ++i) {
        const auto block = static_cast<int>(i / plane) % channel_blocks(shape.c);
        if (block * kLanes + static_cast<int>(i % kLanes) >= shape.c || random() % 3 == 0) continue;
        tensor.values()[i] = static_cast<float>(random() % 2000) / 1000.0F - 1.0F;
    }
}
inline Tensor filled(const Shape& shape, unsigned seed) {
    Tensor tensor(shape);
    fill(tensor, seed);
    return tensor;
}
inline Weights filled(const WeightsShape& shape, unsigned seed) {
    std::mt19937 random(seed);
    Weights weights(shape);
    for (int k = 0; k < shape.k; ++k)
        for (int c = 0; c < shape.c; ++c)
            for (int r = 0; r < shape.r; ++r)
                for (int s = 0; s < shape.s; ++s)
                    weights.at(k, c, r, s) = static_cast<float>(random() % 2000) / 1000.0F - 1.0F;
    return weights;
}
inline AlignedArray<float> filled(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    AlignedArray<float> values(count);
    for (float& value : values) value = static_cast<float>(random() % 2000 + 1) / 1000.0F;
    return values;
}

template <typename Array>
testing::AssertionResult same(const Array& expected, const Array& given) {
    const std::span<const std::remove_cvref_t<decltype(*expected.data())>> a(expected.data(),
                                                                             expected.size()),
        b(given.data(), given.size());
    if (a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0)
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << "arrays of " << a.size() << " and " << b.size() << " differ";
}
inline testing::AssertionResult same(const Tensor& expected, const Tensor& given) {
    return same(expected.values(), given.values());
}
inline testing::AssertionResult same(const Weights& expected, const Weights& given) {
    return same(expected.values(), given.values());
}

// Words, and how many bits the library says that there are.
inline testing::AssertionResult same(const Mask& expected, CMask& given) {
    const auto words = given.words();
    if (!std::equal(words.begin(), words.end(), expected.words().begin(), expected.words().end()))
        return testing::AssertionFailure() << "words of masks differ";
    if (*expected.view().set_bits == given.get()->set_bits) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "expected " << *expected.view().set_bits << " set bits, given " << given.get()->set_bits;
}

struct DestroyWorkspace {
    void operator()(sparsetrain_workspace* workspace) const { sparsetrain_workspace_destroy(workspace); }
};
using CWorkspace = std::unique_ptr<sparsetrain_workspace, DestroyWorkspace>;

inline CWorkspace make_workspace(int threads, sparsetrain_parallel_for parallel_for = nullptr,
                                 void* pool = nullptr) {
    sparsetrain_workspace* workspace = nullptr;
    EXPECT_EQ(sparsetrain_workspace_create(threads, parallel_for, pool, &workspace), SPARSETRAIN_OK)
        << sparsetrain_error_text();
    return CWorkspace(workspace);
}

// Both APIs, on two threads each.
class CTest : public testing::Test {
  protected:
    static constexpr int kThreads = 2;
    Workspace workspace{kThreads};
    const CWorkspace c_workspace_ = make_workspace(kThreads);
    sparsetrain_workspace* const c_workspace = c_workspace_.get();
    const Shape shape{3, 20, 5, 7};
    const sparsetrain_shape c_shape = to_c(shape);
};

// The call fails in that way, and the text has every one of the words.
template <typename... Words>
void expect_failure(sparsetrain_status expected, sparsetrain_status given, const Words&... words) {
    EXPECT_EQ(given, expected);
    const std::string text = sparsetrain_error_text();
    for (const std::string& word : {std::string(words)...})
        EXPECT_NE(text.find(word), std::string::npos) << "'" << word << "' is not in: " << text;
}

}  // namespace sparsetrain::test
