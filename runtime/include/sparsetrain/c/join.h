/* Residual sums, and gradients of a value that several paths read; the mathematics are in sparsetrain/join.h.
 * `shape` is that of all tensors and masks; what is written may be either of those that are added. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dst = max(0, a + b) and its mask. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_add_relu(const sparsetrain_shape* shape, const float* a,
                                                          const float* b, float* dst,
                                                          sparsetrain_mask* dst_mask,
                                                          sparsetrain_workspace* workspace);

/* sum = a + b where `relu_mask` has a bit, zero elsewhere; null: everywhere. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_add_gradients(const sparsetrain_shape* shape, const float* a,
                                                               const float* b, sparsetrain_mask* relu_mask,
                                                               float* sum, sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
