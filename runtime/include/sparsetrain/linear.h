// Fully connected layers, as convolutions: the features of a batch are a picture of one row, whose pixels are
// images and whose channels are features, and a linear layer is a 1x1 convolution of it, with all the kernels
// that those have.
//
// Every function throws Error(invalid_argument) for tensors of other shapes than follow from the images or
// with a size below 1, a null or misaligned pointer, another layout, or an output that overlaps an input.
#pragma once

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// The picture of [N][C][H][W]: [1][features][1][N], with C H W features in the order of memory: (channel
// block, y, x, lane); where H W > 1, lanes that pad C count, and are zero. Master weights [K][C][H][W] of
// filters as large as the images are, as they lie in memory, those of the 1x1 convolution.
SPARSETRAIN_API Shape picture_of_features(const Shape& images);

// `picture_mask` becomes the mask of images, and has no data where that has none.
SPARSETRAIN_API void images_to_picture(SparseInput images, TensorView picture, MaskView picture_mask,
                                       Workspace& workspace);

// The inverse, of gradients, say. `images_mask` has no data where the picture has no mask.
SPARSETRAIN_API void picture_to_images(SparseInput picture, TensorView images, MaskView images_mask,
                                       Workspace& workspace);

}  // namespace sparsetrain
