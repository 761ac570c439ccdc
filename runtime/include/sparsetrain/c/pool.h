/* Max and average pools; the mathematics are in sparsetrain/pool.h. Shapes are given of src; dst and diff_dst
 * have the one that follows from it and the window. A relu_mask is that of the ReLU that made src, so that
 * diff_src has its backward applied; null: there is none. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Padding is smaller than the window on each side, and the window not larger than src with its padding. */
typedef struct sparsetrain_pool_window {
    int32_t height, width;
    int32_t stride_y, stride_x;
    int32_t top, left, bottom, right; /* padding */
} sparsetrain_pool_window;

/* The shape of dst: (H + top + bottom - height) / stride_y + 1 rows, rounded down, and so for columns. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_pool_dst(const sparsetrain_shape* src_shape,
                                                          const sparsetrain_pool_window* window,
                                                          sparsetrain_shape* dst_shape);

/* dst, its mask, and which tap won: `choice` has a byte per float of dst and is 64-byte aligned. Windows have
 * at most 256 taps. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_max_pool_forward(const sparsetrain_shape* src_shape,
                                                                  const sparsetrain_pool_window* window,
                                                                  const float* src, float* dst,
                                                                  sparsetrain_mask* dst_mask, uint8_t* choice,
                                                                  sparsetrain_workspace* workspace);
/* diff_src and its mask. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_max_pool_backward(
    const sparsetrain_shape* src_shape, const sparsetrain_pool_window* window, const float* diff_dst,
    const uint8_t* choice, sparsetrain_mask* relu_mask, float* diff_src, sparsetrain_mask* diff_src_mask,
    sparsetrain_workspace* workspace);

/* What a window that reaches into padding is averaged over: its pixels that are inside, or all its taps. */
enum { SPARSETRAIN_AVERAGED_INSIDE = 0, SPARSETRAIN_AVERAGED_ALL = 1 };

SPARSETRAIN_C_API sparsetrain_status sparsetrain_average_pool_forward(const sparsetrain_shape* src_shape,
                                                                      const sparsetrain_pool_window* window,
                                                                      int32_t averaged, const float* src,
                                                                      float* dst,
                                                                      sparsetrain_workspace* workspace);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_average_pool_backward(const sparsetrain_shape* src_shape,
                                                                       const sparsetrain_pool_window* window,
                                                                       int32_t averaged,
                                                                       const float* diff_dst, float* diff_src,
                                                                       sparsetrain_workspace* workspace);

/* Means of pieces; dst is [N][C] of src by whatever height and width are wanted. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_adaptive_average_pool_forward(
    const sparsetrain_shape* src_shape, const sparsetrain_shape* dst_shape, const float* src, float* dst,
    sparsetrain_workspace* workspace);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_adaptive_average_pool_backward(
    const sparsetrain_shape* src_shape, const sparsetrain_shape* dst_shape, const float* diff_dst,
    float* diff_src, sparsetrain_workspace* workspace);

/* Means of images: dst is [N][C][1][1]. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_global_average_pool_forward(
    const sparsetrain_shape* src_shape, const float* src, float* dst, sparsetrain_workspace* workspace);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_global_average_pool_backward(
    const sparsetrain_shape* src_shape, const float* diff_dst, sparsetrain_mask* relu_mask, float* diff_src,
    sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
