/* Batch normalisation by itself, with the ReLU behind it, or with a residual sum and its ReLU; the
 * mathematics are in sparsetrain/batch_norm.h. `shape` is that of all tensors and masks; arrays of channels
 * are C floats and need no alignment. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Mean and variance (of the population) of each channel. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_batch_statistics(const sparsetrain_shape* shape,
                                                                  const float* src, float* mean,
                                                                  float* variance,
                                                                  sparsetrain_workspace* workspace);

/* running = (1 - momentum) * running + momentum * batch, of arrays of `channels` floats; `count`, at least 2,
 * is N H W. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_update_running_statistics(
    int32_t channels, const float* mean, const float* variance, int64_t count, float momentum,
    float* running_mean, float* running_variance);

/* What mean and variance are of: src, so that they pass a gradient on to it; or constants. */
enum { SPARSETRAIN_STATISTICS_OF_SRC = 0, SPARSETRAIN_STATISTICS_CONSTANT = 1 };

/* (src - mean) / sqrt(variance + epsilon) * scale + shift. */
typedef struct sparsetrain_normalisation {
    const float *mean, *variance;
    const float *scale, *shift;
    float epsilon; /* above 0 */
    int32_t statistics;
} sparsetrain_normalisation;

/* dst may be src. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_batch_norm(const sparsetrain_shape* shape, const float* src,
                                                            const sparsetrain_normalisation* norm, float* dst,
                                                            sparsetrain_workspace* workspace);
/* dst = max(0, batch_norm(src)) and its mask. dst may be src. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_batch_norm_relu(const sparsetrain_shape* shape,
                                                                 const float* src,
                                                                 const sparsetrain_normalisation* norm,
                                                                 float* dst, sparsetrain_mask* dst_mask,
                                                                 sparsetrain_workspace* workspace);
/* dst = max(0, batch_norm(src) + addend) and its mask. dst may be src, or addend. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_batch_norm_add_relu(
    const sparsetrain_shape* shape, const float* src, const sparsetrain_normalisation* norm,
    const float* addend, float* dst, sparsetrain_mask* dst_mask, sparsetrain_workspace* workspace);

/* Backwards: `mask` is the forward's dst_mask; diff_scale and diff_shift are the gradients of scale and
 * shift. diff_src may be diff_dst. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_batch_norm_backward(const sparsetrain_shape* shape,
                                                                     const float* src,
                                                                     const sparsetrain_normalisation* norm,
                                                                     const float* diff_dst, float* diff_src,
                                                                     float* diff_scale, float* diff_shift,
                                                                     sparsetrain_workspace* workspace);
/* Right whether or not diff_dst has that ReLU's backward applied. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_batch_norm_relu_backward(
    const sparsetrain_shape* shape, const float* src, const sparsetrain_normalisation* norm,
    const float* diff_dst, sparsetrain_mask* mask, float* diff_src, float* diff_scale, float* diff_shift,
    sparsetrain_workspace* workspace);
/* `mask` is a mask of diff_addend, too, which may be diff_dst; diff_src may not. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_batch_norm_add_relu_backward(
    const sparsetrain_shape* shape, const float* src, const sparsetrain_normalisation* norm,
    const float* diff_dst, sparsetrain_mask* mask, float* diff_src, float* diff_addend, float* diff_scale,
    float* diff_shift, sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
