// What flows between the operators of a network.
#pragma once

#include "sparsetrain/tensor.h"

namespace sparsetrain::train {

// The shape of a value for any number of images: [N][C][H][W] or, of features, a picture of one row whose
// pixels are the images (see sparsetrain/linear.h).
struct ValueShape {
    int c = 0, h = 1, w = 1;
    bool images_are_pixels = false;
    bool operator==(const ValueShape&) const = default;

    Shape of(int images) const { return images_are_pixels ? Shape{1, c, 1, images} : Shape{images, c, h, w}; }
};

// What is known of a value before it has been computed. `rectified`: it is the output of a ReLU, or what is
// as good as one, so that no gradient passes where its mask has no bit.
struct ValueType {
    ValueShape shape;
    bool has_mask = false, rectified = false;
};

// A value of a graph: the result of operator `id` - 1, or, 0, the images.
struct Value {
    int id = 0;
    ValueType type;
};

// A value at the time when it exists. The tensor has no data if the plan did not keep it, the mask none if
// there is none.
struct Activation {
    ConstTensorView tensor;
    ConstMaskView mask;
    bool rectified = false;

    // The mask of the ReLU behind it, if there is one.
    ConstMaskView relu_mask() const { return rectified ? mask : ConstMaskView(); }
    operator SparseInput() const { return {tensor, mask}; }
};

}  // namespace sparsetrain::train
