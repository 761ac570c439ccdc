/* ReLU and occupancy masks; the mathematics are in sparsetrain/relu.h. `shape` is that of all tensors and
 * masks. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dst = max(0, src) and its mask. dst may be src. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_relu_forward(const sparsetrain_shape* shape,
                                                              const float* src, float* dst,
                                                              sparsetrain_mask* dst_mask,
                                                              sparsetrain_workspace* workspace);

/* diff_src = diff_dst where `mask`, which may not be null, has a bit; zero elsewhere. diff_src may be
 * diff_dst. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_relu_backward(const sparsetrain_shape* shape,
                                                               const float* diff_dst, sparsetrain_mask* mask,
                                                               float* diff_src,
                                                               sparsetrain_workspace* workspace);

/* The exact mask of a tensor. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_occupancy_mask(const sparsetrain_shape* shape,
                                                                const float* tensor, sparsetrain_mask* mask,
                                                                sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
