// Views of the three kinds of data that the library touches (activations, occupancy masks, weights), and an
// owning array with the alignment they need.
//
// Activations are NCHW16c: float [N][C/16][H][W][16], 64-byte aligned, C rounded up to a multiple of 16. The
// lanes beyond C are zero in every tensor given to the library and in every tensor that it writes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "sparsetrain/error.h"
#include "sparsetrain/export.h"

namespace sparsetrain {

inline constexpr int kLanes = 16;              // channels in a block: the floats of one AVX-512 register
inline constexpr std::size_t kAlignment = 64;  // bytes, of every tensor, mask and weights pointer

// How many blocks of 16 hold `channels` channels.
constexpr int channel_blocks(int channels) {
    return (channels + kLanes - 1) / kLanes;
}

// The only layout there is. It is spelled in every view so that memory of another layout is refused, not
// misread.
enum class Layout { nchw16c };

// Logical sizes: `c` counts channels before rounding up to 16. All are at least 1.
struct Shape {
    int n = 0, c = 0, h = 0, w = 0;
    bool operator==(const Shape&) const = default;

    // Number of 16-channel pixels, N * ceil(C / 16) * H * W: also the number of occupancy mask words.
    std::size_t pixels() const {
        return static_cast<std::size_t>(n) * static_cast<std::size_t>(channel_blocks(c)) *
               static_cast<std::size_t>(h) * static_cast<std::size_t>(w);
    }
    // Number of floats in memory, including the lanes that pad C to 16.
    std::size_t elements() const { return pixels() * kLanes; }
};

// A non-owning view of an activation tensor (T = float or const float).
template <typename T>
struct BasicTensorView {
    T* data = nullptr;
    Shape shape;
    Layout layout = Layout::nchw16c;

    operator BasicTensorView<const T>() const { return {data, shape, layout}; }
};
using TensorView = BasicTensorView<float>;
using ConstTensorView = BasicTensorView<const float>;

inline constexpr std::int64_t kNotCounted = -1;

// A non-owning view of an occupancy mask: one word per 16-channel pixel, [N][C/16][H][W], bit i for lane i.
// Masks are conservative: a clear bit promises a zero, a set bit promises nothing. A view without data means
// "no mask".
template <typename T>
struct BasicMaskView {
    T* data = nullptr;
    Shape shape;
    // Where the library keeps how many bits are set, once it made or counted them (kNotCounted before), so
    // that it need not count again; null: nowhere, and each call counts.
    std::atomic<std::int64_t>* set_bits = nullptr;

    explicit operator bool() const { return data != nullptr; }
    operator BasicMaskView<const T>() const { return {data, shape, set_bits}; }

    // To be called by whoever changes bits by hand; else `auto` goes by what there was.
    void mark_changed() const {
        if (set_bits != nullptr) *set_bits = kNotCounted;
    }
};
using MaskView = BasicMaskView<std::uint16_t>;
using ConstMaskView = BasicMaskView<const std::uint16_t>;

// An input that may be sparse: a tensor and, where its producer made one, its occupancy mask.
struct SparseInput {
    ConstTensorView tensor;
    ConstMaskView mask;

    SparseInput(ConstTensorView t, ConstMaskView m = {}) : tensor(t), mask(m) {}
    SparseInput(TensorView t, ConstMaskView m = {}) : tensor(t), mask(m) {}
};

// Logical sizes of a filter bank: K output channels, C input channels, R rows, S columns.
struct WeightsShape {
    int k = 0, c = 0, r = 0, s = 0;
    bool operator==(const WeightsShape&) const = default;

    // Number of floats in memory, including the lanes that pad K and C to 16.
    std::size_t elements() const {
        return static_cast<std::size_t>(channel_blocks(k)) * static_cast<std::size_t>(channel_blocks(c)) *
               static_cast<std::size_t>(r) * static_cast<std::size_t>(s) * kLanes * kLanes;
    }
    // Where element (k, c, r, s) lies in the master layout [K/16][C/16][R][S][16c][16k].
    std::size_t offset(int ki, int ci, int ri, int si) const {
        const auto block =
            static_cast<std::size_t>(ki / kLanes) * static_cast<std::size_t>(channel_blocks(c)) +
            static_cast<std::size_t>(ci / kLanes);
        const auto tap = (block * static_cast<std::size_t>(r) + static_cast<std::size_t>(ri)) *
                             static_cast<std::size_t>(s) +
                         static_cast<std::size_t>(si);
        return (tap * kLanes + static_cast<std::size_t>(ci % kLanes)) * kLanes +
               static_cast<std::size_t>(ki % kLanes);
    }
};

// A non-owning view of weights or their gradient in the master layout, 64-byte aligned. Lanes beyond K and C
// are zero.
template <typename T>
struct BasicWeightsView {
    T* data = nullptr;
    WeightsShape shape;

    operator BasicWeightsView<const T>() const { return {data, shape}; }
};
using WeightsView = BasicWeightsView<float>;
using ConstWeightsView = BasicWeightsView<const float>;

// What the constructors below ask: `shape`, if `owner` can have it: sizes of at least 1, and fewer than 2^31
// elements with the lanes that pad channels, which is what calls take. Throws Error(invalid_argument)
// otherwise.
SPARSETRAIN_API const Shape& checked_sizes(const char* owner, const Shape& shape);
SPARSETRAIN_API const WeightsShape& checked_sizes(const char* owner, const WeightsShape& shape);

// `count`, if as many elements of `bytes` each are fewer bytes than a pointer can count.
SPARSETRAIN_API std::size_t checked_count(std::size_t count, std::size_t bytes);

// Owning, zero-initialised, 64-byte aligned memory for `T` (float or std::uint16_t). The constructor throws
// Error(invalid_argument) for a count that no memory could hold, and std::bad_alloc if there is too little.
template <typename T>
class AlignedArray {
  public:
    AlignedArray() = default;
    explicit AlignedArray(std::size_t count)
        : data_(static_cast<T*>(
              ::operator new (checked_count(count, sizeof(T)) * sizeof(T), std::align_val_t{kAlignment}))),
          count_(count) {
        std::memset(static_cast<void*>(data_), 0, count * sizeof(T));
    }
    AlignedArray(AlignedArray&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    AlignedArray& operator=(AlignedArray&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~AlignedArray() { ::operator delete (data_, std::align_val_t{kAlignment}); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return count_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }
    T* begin() { return data_; }
    T* end() { return data_ + count_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + count_; }

  private:
    T* data_ = nullptr;
    std::size_t count_ = 0;
};

// Owning counterparts of the views; all zero when made, or empty when made without a shape. Constructors
// throw Error(invalid_argument) for a size below 1 and for 2^31 elements or more, std::bad_alloc if memory is
// out.
class Tensor {
  public:
    Tensor() = default;
    explicit Tensor(Shape shape) : values_(checked_sizes("Tensor", shape).elements()), shape_(shape) {}
    TensorView view() { return {values_.data(), shape_}; }
    ConstTensorView view() const { return {values_.data(), shape_}; }
    AlignedArray<float>& values() { return values_; }
    const AlignedArray<float>& values() const { return values_; }
    Shape shape() const { return shape_; }

  private:
    AlignedArray<float> values_;
    Shape shape_;
};

class Mask {
  public:
    Mask() = default;
    explicit Mask(Shape shape)
        : words_(checked_sizes("Mask", shape).pixels()),
          shape_(shape),
          set_bits_(std::make_unique<std::atomic<std::int64_t>>(kNotCounted)) {}
    MaskView view() { return {words_.data(), shape_, set_bits_.get()}; }
    ConstMaskView view() const { return {words_.data(), shape_, set_bits_.get()}; }
    const AlignedArray<std::uint16_t>& words() const { return words_; }
    Shape shape() const { return shape_; }

  private:
    AlignedArray<std::uint16_t> words_;
    Shape shape_;
    std::unique_ptr<std::atomic<std::int64_t>> set_bits_;
};

class Weights {
  public:
    Weights() = default;
    explicit Weights(WeightsShape shape)
        : values_(checked_sizes("Weights", shape).elements()), shape_(shape) {}
    WeightsView view() { return {values_.data(), shape_}; }
    ConstWeightsView view() const { return {values_.data(), shape_}; }
    float& at(int k, int c, int r, int s) { return values_[shape_.offset(k, c, r, s)]; }
    float at(int k, int c, int r, int s) const { return values_[shape_.offset(k, c, r, s)]; }
    AlignedArray<float>& values() { return values_; }
    const AlignedArray<float>& values() const { return values_; }
    WeightsShape shape() const { return shape_; }

  private:
    AlignedArray<float> values_;
    WeightsShape shape_;
};

}  // namespace sparsetrain
