/* Convolutions between learned scalars, dst = conv(src + before) * scale + after; what is computed is in
 * sparsetrain/shifted_conv.h. */
#pragma once

#include "sparsetrain/c/conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sparsetrain_conv_scalars {
    float before, scale, after;
} sparsetrain_conv_scalars;

/* Bytes of `taps`, 64-byte aligned: R S ceil(K / 16) 16 floats. 0, with an error text, as of
 * sparsetrain_tensor_bytes. */
SPARSETRAIN_C_API size_t sparsetrain_tap_sums_bytes(const sparsetrain_conv_shape* shape);

/* taps: sums of weights. `folded`, scale * weights in the layout of master weights, may be null where scale
 * is
 * 1. `bias`: K floats. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_fold_scalars(const sparsetrain_conv_shape* shape,
                                                              const float* weights,
                                                              const sparsetrain_conv_scalars* scalars,
                                                              float* taps, float* folded, float* bias,
                                                              sparsetrain_workspace* workspace);

/* For shapes with padding: dst from `conv`, the convolution of src with the folded weights, without a bias.
 * dst may be conv. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_add_shift(const sparsetrain_conv_shape* shape,
                                                           const float* taps,
                                                           const sparsetrain_conv_scalars* scalars,
                                                           const float* conv, float* dst,
                                                           sparsetrain_workspace* workspace);
/* The same, its ReLU and the mask of that. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_add_shift_relu(
    const sparsetrain_conv_shape* shape, const float* taps, const sparsetrain_conv_scalars* scalars,
    const float* conv, float* dst, sparsetrain_mask* dst_mask, sparsetrain_workspace* workspace);

/* diff_weights, from what sparsetrain_conv_backward_weights made of src and diff_dst, becomes the gradient of
 * `weights`; diff_scalars are those of the scalars. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_unfold_gradients(const sparsetrain_conv_shape* shape,
                                                                  const float* weights, const float* taps,
                                                                  const sparsetrain_conv_scalars* scalars,
                                                                  const float* diff_dst, float* diff_weights,
                                                                  sparsetrain_workspace* workspace,
                                                                  sparsetrain_conv_scalars* diff_scalars);

#ifdef __cplusplus
}
#endif
