/* Concatenation of channels, a part at a time; see sparsetrain/concat.h. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the channels of `whole` from `first_channel` on those of `part`, and so their bits in `whole_mask`
 * (null: no mask is wanted); of a part without a mask, which is null, all bits are set. */
SPARSETRAIN_C_API sparsetrain_status
sparsetrain_write_channels(const sparsetrain_shape* part_shape, const sparsetrain_shape* whole_shape,
                           const float* part, sparsetrain_mask* part_mask, int32_t first_channel,
                           float* whole, sparsetrain_mask* whole_mask, sparsetrain_workspace* workspace);

/* The inverse, and the backward, of gradients. */
SPARSETRAIN_C_API sparsetrain_status
sparsetrain_read_channels(const sparsetrain_shape* whole_shape, const sparsetrain_shape* part_shape,
                          const float* whole, sparsetrain_mask* whole_mask, int32_t first_channel,
                          float* part, sparsetrain_mask* part_mask, sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
