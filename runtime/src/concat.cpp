#include "sparsetrain/concat.h"

#include <string>

#include "checks.h"
#include "halide_interface.h"
#include "mask_bits.h"
#include "sparsetrain_copy_blocks_f32.h"
#include "sparsetrain_move_channel_bits_u16.h"
#include "sparsetrain_move_channels_f32.h"
#include "sparsetrain_set_channel_bits_u16.h"

namespace sparsetrain {

namespace {

// Channels of a tensor or mask, as pipelines see them: in the blocks that hold them, the first of these being
// block 0.
class Channels {
  public:
    Channels(const Shape& shape, int first, int count) : shape_(shape), first_(first), count_(count) {}

    // Lanes from the first block's on, of the first channel and behind the last; and from where on what is
    // there has to stay, as lanes that pad channels have not.
    int begin() const { return first_ % kLanes; }
    int end() const { return begin() + count_; }
    int kept() const { return has_last() ? blocks() * kLanes : end(); }

    // Whether nobody else has channels in their blocks.
    bool are_blocks() const { return begin() == 0 && (has_last() || count_ % kLanes == 0); }

    // (lane, pixel of all blocks, n).
    detail::Buffer<3> block_rows_of(const float* values) const {
        return {
            values + first_pixel() * kLanes, {kLanes, pixels() * blocks(), shape_.n}, distance() * kLanes};
    }
    // (lane, pixel, block, n).
    detail::Buffer<4> blocks_of(const float* values) const {
        return {values + first_pixel() * kLanes, {kLanes, pixels(), blocks(), shape_.n}, distance() * kLanes};
    }
    // (pixel, block, n).
    detail::Buffer<3> blocks_of(const std::uint16_t* words) const {
        return {words + first_pixel(), {pixels(), blocks(), shape_.n}, distance()};
    }

  private:
    bool has_last() const { return first_ + count_ == shape_.c; }
    int blocks() const { return channel_blocks(end()); }
    int pixels() const { return shape_.h * shape_.w; }
    int distance() const { return channel_blocks(shape_.c) * pixels(); }
    std::ptrdiff_t first_pixel() const { return std::ptrdiff_t{first_ / kLanes} * pixels(); }

    Shape shape_;
    int first_, count_;
};

void move(const char* function, const SparseInput& src, const Channels& from, TensorView dst,
          MaskView dst_mask, const Channels& to, Workspace& workspace) {
    const int shift = from.begin() - to.begin();
    if (from.are_blocks() && to.are_blocks()) {
        detail::call_pipeline(function, ::sparsetrain_copy_blocks_f32, workspace,
                              from.block_rows_of(src.tensor.data), to.block_rows_of(dst.data));
    } else {
        detail::call_pipeline(function, ::sparsetrain_move_channels_f32, workspace,
                              from.blocks_of(src.tensor.data), to.begin(), to.end(), to.kept(), shift,
                              to.blocks_of(dst.data));
    }
    if (!dst_mask) return;
    if (src.mask) {
        detail::call_pipeline(function, ::sparsetrain_move_channel_bits_u16, workspace,
                              from.blocks_of(src.mask.data), to.begin(), to.end(), to.kept(), shift,
                              to.blocks_of(dst_mask.data));
    } else {
        detail::call_pipeline(function, ::sparsetrain_set_channel_bits_u16, workspace, to.begin(), to.end(),
                              to.kept(), to.blocks_of(dst_mask.data));
    }
}

void check_first_channel(const char* function, int first, int channels, const Shape& whole) {
    if (channels > whole.c)
        detail::throw_invalid(function, "part",
                              "at most the " + std::to_string(whole.c) + " channels of the whole",
                              std::to_string(channels));
    if (const int last = whole.c - channels; first < 0 || first > last)
        detail::throw_invalid(function, "first_channel",
                              "0 to " + std::to_string(last) + ", for " + std::to_string(channels) + " of " +
                                  std::to_string(whole.c) + " channels",
                              std::to_string(first));
}

// The shape of a part with `channels` channels.
Shape part_of(const Shape& whole, int channels) {
    return {whole.n, channels, whole.h, whole.w};
}

}  // namespace

void write_channels(SparseInput part, int first_channel, TensorView whole, MaskView whole_mask,
                    Workspace& workspace) {
    const char* const function = "write_channels";
    const int channels = part.tensor.shape.c;
    detail::check_shape(function, "whole", whole.shape);
    detail::check_tensor(function, "whole", whole, whole.shape);
    detail::check_shape(function, "part", part.tensor.shape);
    detail::check_sparse(function, "part", part, part_of(whole.shape, channels));
    check_first_channel(function, first_channel, channels, whole.shape);
    if (whole_mask) detail::check_mask(function, "whole_mask", whole_mask, whole.shape);
    detail::check_apart(function, {{"whole", whole}, {"whole_mask", whole_mask}},
                        {{"part", part.tensor}, {"part mask", part.mask}});
    move(function, part, {part.tensor.shape, 0, channels}, whole, whole_mask,
         {whole.shape, first_channel, channels}, workspace);
    // Other parts may be still to come: whoever needs the bits counts them.
    whole_mask.mark_changed();
}

void read_channels(SparseInput whole, int first_channel, TensorView part, MaskView part_mask,
                   Workspace& workspace) {
    const char* const function = "read_channels";
    const Shape& shape = whole.tensor.shape;
    const int channels = part.shape.c;
    detail::check_shape(function, "whole", shape);
    detail::check_sparse(function, "whole", whole, shape);
    detail::check_shape(function, "part", part.shape);
    detail::check_tensor(function, "part", part, part_of(shape, channels));
    check_first_channel(function, first_channel, channels, shape);
    if (part_mask) detail::check_mask(function, "part_mask", part_mask, part.shape);
    detail::check_apart(function, {{"part", part}, {"part_mask", part_mask}},
                        {{"whole", whole.tensor}, {"whole mask", whole.mask}});
    move(function, whole, {shape, first_channel, channels}, part, part_mask, {part.shape, 0, channels},
         workspace);
    if (part_mask) detail::keep_set_bits(function, part_mask, workspace);
}

}  // namespace sparsetrain
