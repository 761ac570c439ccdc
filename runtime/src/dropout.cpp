#include "sparsetrain/dropout.h"

#include <array>
#include <cmath>
#include <string>

#include "checks.h"
#include "flat_buffers.h"
#include "mask_bits.h"
#include "sparsetrain_dropout_backward_f32.h"
#include "sparsetrain_dropout_forward_f32.h"

namespace sparsetrain {

using detail::PixelMaskBuffer;
using detail::PixelsBuffer;
using detail::unless_in_place;

namespace {

void check_rate(const char* function, float rate) {
    if (rate >= 0 && rate < 1) return;
    detail::throw_invalid(function, "rate", "from 0 to below 1", detail::to_text(rate));
}

// Seeds that follow each other have nothing in common: the finaliser of SplitMix64.
std::uint64_t keys_of(std::uint64_t seed) {
    seed += 0x9e3779b97f4a7c15;
    seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
    seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
    return seed ^ (seed >> 31);
}

// A tensor as planes, which the forward has to tell apart where the last block has lanes that pad channels;
// elsewhere all are one. (lane, pixel, plane).
struct Planes {
    explicit Planes(const Shape& shape)
        : count(shape.c % kLanes == 0 ? 1 : shape.n * channel_blocks(shape.c)),
          pixels(detail::pixel_count(shape) / count) {}

    detail::Buffer<3> of(const float* values) const { return {values, {kLanes, pixels, count}}; }
    detail::Buffer<2> of(const std::uint16_t* words) const { return {words, {pixels, count}}; }

    int count, pixels;
};

// The mask of src, or one that has every bit: a single word that serves for every pixel.
class MaskOfSrc {
  public:
    MaskOfSrc(ConstMaskView mask, const Planes& planes)
        : dims_{{{0, planes.pixels, mask ? 1 : 0}, {0, planes.count, mask ? planes.pixels : 0}}} {
        buffer_.host = reinterpret_cast<std::uint8_t*>(const_cast<std::uint16_t*>(mask ? mask.data : &kAll));
        buffer_.type = halide_type_of<std::uint16_t>();
        buffer_.dimensions = 2;
        buffer_.dim = dims_.data();
    }
    MaskOfSrc(const MaskOfSrc&) = delete;
    MaskOfSrc& operator=(const MaskOfSrc&) = delete;
    operator halide_buffer_t*() { return &buffer_; }

  private:
    static constexpr std::uint16_t kAll = 0xffff;
    std::array<halide_dimension_t, 2> dims_;
    halide_buffer_t buffer_{};
};

}  // namespace

void dropout_forward(SparseInput src, float rate, std::uint64_t seed, TensorView dst, MaskView kept,
                     Workspace& workspace) {
    const char* const function = "dropout_forward";
    const Shape& shape = src.tensor.shape;
    detail::check_shape(function, "src", shape);
    detail::check_sparse(function, "src", src, shape);
    check_rate(function, rate);
    detail::check_tensor(function, "dst", dst, shape);
    detail::check_mask(function, "kept", kept, shape);
    detail::check_apart(function, {{"dst", dst}, {"kept", kept}},
                        {unless_in_place("src", src.tensor, dst), {"src mask", src.mask}});
    const auto dropped = static_cast<std::uint32_t>(std::ldexp(static_cast<double>(rate), 32));
    const std::uint64_t keys = keys_of(seed);
    const Planes planes(shape);
    MaskOfSrc src_mask(src.mask, planes);
    detail::call_pipeline(function, ::sparsetrain_dropout_forward_f32, workspace, planes.of(src.tensor.data),
                          src_mask, shape.c, static_cast<std::uint32_t>(keys),
                          static_cast<std::uint32_t>(keys >> 32), dropped, 1 / (1 - rate),
                          planes.of(dst.data), planes.of(kept.data));
    detail::keep_set_bits(function, kept, workspace);
}

void dropout_backward(ConstTensorView diff_dst, float rate, ConstMaskView kept, TensorView diff_src,
                      Workspace& workspace) {
    const char* const function = "dropout_backward";
    detail::check_shape(function, "diff_dst", diff_dst.shape);
    detail::check_tensor(function, "diff_dst", diff_dst, diff_dst.shape);
    check_rate(function, rate);
    detail::check_mask(function, "kept", kept, diff_dst.shape);
    detail::check_tensor(function, "diff_src", diff_src, diff_dst.shape);
    detail::check_apart(function, {{"diff_src", diff_src}},
                        {unless_in_place("diff_dst", diff_dst, diff_src), {"kept", kept}});
    detail::call_pipeline(function, ::sparsetrain_dropout_backward_f32, workspace, PixelsBuffer(diff_dst),
                          PixelMaskBuffer(kept), 1 / (1 - rate), PixelsBuffer(diff_src));
}

}  // namespace sparsetrain
