#include "train/operators/features.h"

#include "sparsetrain/linear.h"

namespace sparsetrain::train {

namespace {

ValueType features_of(const ValueType& images) {
    const Shape picture = picture_of_features(images.shape.of(1));
    return {{picture.c, 1, 1, true}, images.has_mask, images.rectified};
}

}  // namespace

Features::Features(const std::string& name, const Value& images)
    : Operator(name, features_of(images.type)), is_rectified_(images.type.rectified) {}

// Where src is rectified, so is dst, by the same mask.
GradientType Features::gradient_type(int /*src*/) const {
    if (is_rectified_) return {.zeros = GradientType::Zeros::masked_by_src};
    return {};
}

void Features::forward(const ForwardCall& call) {
    images_to_picture(call.srcs[0], call.dst, call.dst_mask, call.context.workspace);
}

void Features::backward(const BackwardCall& call) {
    const TensorView diff_src = call.diff_srcs[0].tensor;
    if (diff_src.data == nullptr) return;
    picture_to_images(call.diff_dst.tensor, diff_src, {}, call.context.workspace);
}

}  // namespace sparsetrain::train
