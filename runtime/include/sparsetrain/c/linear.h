/* Features of images as the pixels of a picture, so that a linear layer is a 1x1 convolution; see
 * sparsetrain/linear.h. Masks are both null, or neither. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The shape of the picture of [N][C][H][W]: [1][features][1][N]. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_picture_of_features(const sparsetrain_shape* images_shape,
                                                                     sparsetrain_shape* picture_shape);

SPARSETRAIN_C_API sparsetrain_status sparsetrain_images_to_picture(
    const sparsetrain_shape* images_shape, const float* images, sparsetrain_mask* images_mask, float* picture,
    sparsetrain_mask* picture_mask, sparsetrain_workspace* workspace);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_picture_to_images(
    const sparsetrain_shape* images_shape, const float* picture, sparsetrain_mask* picture_mask,
    float* images, sparsetrain_mask* images_mask, sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
