// Concatenation of channels, a part at a time: parts with the N, H and W of a whole lie one behind another in
// its channels, each from its first channel on. Any number of channels will do; where parts are whole blocks
// of 16, these are copied, else values move to other lanes. Values stay as they are, also those that are not
// finite.
//
// Every function throws Error(invalid_argument) for a part whose N, H or W is not the whole's or whose
// channels reach beyond it, a mask of another shape than its tensor's, a size below 1, a null or misaligned
// pointer, another layout, or an output that overlaps another argument.
#pragma once

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// Makes the channels of `whole` from `first_channel` on those of `part`, and leaves the others; the part that
// has the last channel also makes the lanes zero that pad them. So once all parts are written, in any order,
// nothing is left of what was there before. Two calls may write to one whole at a time if no block of 16
// channels has some of each.
//
// `whole_mask` becomes the part's mask in its channels. Of a part without a mask all bits are set: nothing is
// known of its zeros (who knows that there are some makes one by occupancy_mask). Without data: no mask.
SPARSETRAIN_API void write_channels(SparseInput part, int first_channel, TensorView whole,
                                    MaskView whole_mask, Workspace& workspace);

// The inverse, and the backward, of gradients: `part` becomes the channels of `whole` from `first_channel`
// on, and `part_mask` its mask's, or all bits of channels where it has none. Without data: no mask. Where the
// backward of a ReLU has been applied to the whole, it has been to the part.
SPARSETRAIN_API void read_channels(SparseInput whole, int first_channel, TensorView part, MaskView part_mask,
                                   Workspace& workspace);

}  // namespace sparsetrain
