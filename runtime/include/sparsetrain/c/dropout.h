/* Dropout; the mathematics are in sparsetrain/dropout.h. `shape` is that of all tensors and masks, `rate`
 * from 0 to below 1. What is written may be what is read. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `kept`, the mask of dst, which the backward needs: a bit where an element is kept, and in src_mask, if that
 * is not null. The seed and the place of an element decide. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_dropout_forward(const sparsetrain_shape* shape,
                                                                 const float* src, sparsetrain_mask* src_mask,
                                                                 float rate, uint64_t seed, float* dst,
                                                                 sparsetrain_mask* kept,
                                                                 sparsetrain_workspace* workspace);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_dropout_backward(const sparsetrain_shape* shape,
                                                                  const float* diff_dst, float rate,
                                                                  sparsetrain_mask* kept, float* diff_src,
                                                                  sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
