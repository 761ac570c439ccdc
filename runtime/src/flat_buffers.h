// Tensors as the pipelines of element-wise operators see them: dense memory with as few dimensions as the
// operator needs (see generators/ops/lanes.h).
#pragma once

#include "halide_interface.h"

namespace sparsetrain::detail {

inline int pixel_count(const Shape& shape) {
    return static_cast<int>(shape.pixels());
}

// (lane, pixel).
struct PixelsBuffer : Buffer<2> {
    template <typename T>
    explicit PixelsBuffer(BasicTensorView<T> t) : Buffer<2>(t.data, {kLanes, pixel_count(t.shape)}) {}
};

// (pixel).
struct PixelMaskBuffer : Buffer<1> {
    template <typename T>
    explicit PixelMaskBuffer(BasicMaskView<T> m) : Buffer<1>(m.data, {pixel_count(m.shape)}) {}
};

// (lane, x, y, plane).
struct PlanesBuffer : Buffer<4> {
    template <typename T>
    explicit PlanesBuffer(BasicTensorView<T> t)
        : Buffer<4>(t.data, {kLanes, t.shape.w, t.shape.h, t.shape.n * channel_blocks(t.shape.c)}) {}
};

// One word per pixel: (x, y, plane).
struct PlaneWordsBuffer : Buffer<3> {
    template <typename T>
    PlaneWordsBuffer(T* words, const Shape& shape)
        : Buffer<3>(words, {shape.w, shape.h, shape.n * channel_blocks(shape.c)}) {}
};

// (lane, pixel, channel block, n).
struct ChannelsBuffer : Buffer<4> {
    template <typename T>
    explicit ChannelsBuffer(BasicTensorView<T> t)
        : Buffer<4>(t.data, {kLanes, t.shape.h * t.shape.w, channel_blocks(t.shape.c), t.shape.n}) {}
};

// (pixel, channel block, n).
struct ChannelMaskBuffer : Buffer<3> {
    template <typename T>
    explicit ChannelMaskBuffer(BasicMaskView<T> m)
        : Buffer<3>(m.data, {m.shape.h * m.shape.w, channel_blocks(m.shape.c), m.shape.n}) {}
};

// (feature, n): every image as one row.
struct RowsBuffer : Buffer<2> {
    template <typename T>
    explicit RowsBuffer(BasicTensorView<T> t)
        : Buffer<2>(t.data, {pixel_count(t.shape) / t.shape.n * kLanes, t.shape.n}) {}
};

// (feature lane, feature block, n).
struct RowVectorsBuffer : Buffer<3> {
    template <typename T>
    explicit RowVectorsBuffer(BasicTensorView<T> t)
        : Buffer<3>(t.data, {kLanes, pixel_count(t.shape) / t.shape.n, t.shape.n}) {}
};

}  // namespace sparsetrain::detail
