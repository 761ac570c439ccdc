#include "padding_lanes.h"

#include "halide_interface.h"
#include "sparsetrain_clear_padding_f32.h"

namespace sparsetrain::detail {

namespace {

// Channels in the last block, or 0 where that is whole.
int channels_in_last_block(int channels) {
    return channels % kLanes;
}

}  // namespace

void clear_padding_lanes(const char* function, TensorView tensor, Workspace& workspace) {
    const Shape& shape = tensor.shape;
    const int kept = channels_in_last_block(shape.c);
    if (kept == 0) return;
    call_pipeline(function, sparsetrain_clear_padding_f32, workspace, kept,
                  Buffer<4>(tensor.data, {kLanes, shape.w * shape.h, channel_blocks(shape.c), shape.n}));
}

// Of [K/16][C/16][R][S][16c][16k], first the rows of lanes beyond C, then the lanes beyond K.
void clear_padding_lanes(const char* function, WeightsView weights, Workspace& workspace) {
    const WeightsShape& shape = weights.shape;
    const int taps = shape.r * shape.s, c_blocks = channel_blocks(shape.c),
              k_blocks = channel_blocks(shape.k);
    if (const int kept = channels_in_last_block(shape.c); kept != 0) {
        call_pipeline(function, sparsetrain_clear_padding_f32, workspace, kept * kLanes,
                      Buffer<4>(weights.data, {kLanes * kLanes, taps, c_blocks, k_blocks}));
    }
    if (const int kept = channels_in_last_block(shape.k); kept != 0) {
        call_pipeline(function, sparsetrain_clear_padding_f32, workspace, kept,
                      Buffer<4>(weights.data, {kLanes, kLanes * taps * c_blocks, k_blocks, 1}));
    }
}

}  // namespace sparsetrain::detail
