/* Convolution plans and weights; the mathematics are in sparsetrain/conv2d.h. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Padding is from 0 to filter_h - 1 (top, bottom) or filter_w - 1 (left, right). */
typedef struct sparsetrain_conv_shape {
    sparsetrain_shape src;
    int32_t k; /* output channels */
    int32_t filter_h, filter_w;
    int32_t stride; /* in both directions */
    int32_t top, left, bottom, right;
} sparsetrain_conv_shape;

/* Names of passes, kernels and operands are in sparsetrain/c/library.h. */
enum { SPARSETRAIN_FWD = 0, SPARSETRAIN_BWD_DATA = 1, SPARSETRAIN_BWD_WEIGHTS = 2 };
enum { SPARSETRAIN_DENSE = 0, SPARSETRAIN_ZERO_SKIP = 1, SPARSETRAIN_OUTPUT_MASK = 2 };
enum { SPARSETRAIN_SRC = 0, SPARSETRAIN_DIFF_DST = 1 };

/* What a call of a pass did. */
typedef struct sparsetrain_run {
    int32_t pass, kernel;
    int32_t skipped;  /* the operand whose zeros the kernel skips, or another would have */
    int32_t skips;    /* whether the kernel left out the products of these zeros, or results */
    int32_t is_trial; /* whether it ran for the plan to learn what it takes */
    int32_t reserved;
    double zeros; /* percentage of zeros seen in `skipped` */
} sparsetrain_run;

/* A plan of one convolution, which threads may share, each with a workspace of its own. */
typedef struct sparsetrain_conv sparsetrain_conv;

/* `policy`: "auto", "dense", "zero_skip" or "output_mask"; null: "auto". `choice`, how "auto" chooses:
 * "measured" or "tables"; null: "measured". SPARSETRAIN_UNSUPPORTED for a filter and stride that the library
 * has no kernels for, which sparsetrain_layer_class_info lists. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_conv_create(const sparsetrain_conv_shape* shape,
                                                             const char* policy, const char* choice,
                                                             sparsetrain_conv** conv);
/* Null is fine. */
SPARSETRAIN_C_API void sparsetrain_conv_destroy(sparsetrain_conv* conv);

/* Whether sparsetrain_conv_create takes the shape and the plan has the pass: 1 or 0. It leaves the error text
 * as it was. */
SPARSETRAIN_C_API int sparsetrain_conv_supports(const sparsetrain_conv_shape* shape, int32_t pass);

/* The shape of dst. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_conv_dst(const sparsetrain_conv_shape* shape,
                                                          sparsetrain_shape* dst);

typedef struct sparsetrain_conv_description {
    sparsetrain_conv_shape shape;
    sparsetrain_shape dst;
    sparsetrain_weights_shape weights;
    double flops;                              /* multiply-adds count as two; padded taps count */
    const char *layer_class, *policy, *choice; /* for ever valid */
} sparsetrain_conv_description;

SPARSETRAIN_C_API sparsetrain_status sparsetrain_conv_describe(const sparsetrain_conv* conv,
                                                               sparsetrain_conv_description* description);

/* About how much scratch memory calls take of a workspace with so many threads. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_conv_scratch_bytes(const sparsetrain_conv* conv, int threads,
                                                                    size_t* bytes);

/* Weights as kernels read them: a reference to master weights, which must outlive it, and packings of them.
 * Threads may share it, but while a pass runs the master may not change. */
typedef struct sparsetrain_weights sparsetrain_weights;

/* `keep` 0: packings last for a call, in its workspace, as suits training. 1: until
 * sparsetrain_weights_mark_changed, in memory of this object, as suits inference. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_weights_create(const float* master,
                                                                const sparsetrain_weights_shape* shape,
                                                                int keep, sparsetrain_weights** weights);
/* Null is fine. */
SPARSETRAIN_C_API void sparsetrain_weights_destroy(sparsetrain_weights* weights);
/* Says that the master's values changed. Not while a pass runs. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_weights_mark_changed(sparsetrain_weights* weights);

/* The passes. Shapes are the plan's; src_mask, diff_dst_mask and relu_mask are those of tensors of these
 * shapes, or null. `bias` and `diff_bias` are K floats, or null: zero, or not wanted. `run` may be null. */

/* dst = conv(src, weights) + bias. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_conv_forward(const sparsetrain_conv* conv, const float* src,
                                                              sparsetrain_mask* src_mask,
                                                              const sparsetrain_weights* weights,
                                                              const float* bias, float* dst,
                                                              sparsetrain_workspace* workspace,
                                                              sparsetrain_run* run);

/* dst = max(0, conv(src, weights) + bias), and its mask, which may not be null. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_conv_forward_relu(
    const sparsetrain_conv* conv, const float* src, sparsetrain_mask* src_mask,
    const sparsetrain_weights* weights, const float* bias, float* dst, sparsetrain_mask* dst_mask,
    sparsetrain_workspace* workspace, sparsetrain_run* run);

/* With a relu_mask, that of the ReLU whose output is src, diff_src has that ReLU's backward applied. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_conv_backward_data(
    const sparsetrain_conv* conv, const float* diff_dst, sparsetrain_mask* diff_dst_mask,
    const sparsetrain_weights* weights, float* diff_src, sparsetrain_mask* relu_mask,
    sparsetrain_workspace* workspace, sparsetrain_run* run);

/* diff_weights in the layout of master weights. */
SPARSETRAIN_C_API sparsetrain_status
sparsetrain_conv_backward_weights(const sparsetrain_conv* conv, const float* src, sparsetrain_mask* src_mask,
                                  const float* diff_dst, sparsetrain_mask* diff_dst_mask, float* diff_weights,
                                  float* diff_bias, sparsetrain_workspace* workspace, sparsetrain_run* run);

#ifdef __cplusplus
}
#endif
