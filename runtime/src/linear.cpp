#include "sparsetrain/linear.h"

#include "checks.h"
#include "halide_interface.h"
#include "mask_bits.h"
#include "sparsetrain_swap_mask_rows_u16.h"
#include "sparsetrain_swap_rows_f32.h"

namespace sparsetrain {

namespace {

// A tensor or mask as rows of whole vectors: (lane, position, image) or, in a picture, (lane, image,
// position).
struct Rows {
    int inner, outer;

    detail::Buffer<3> of(const float* values) const { return {values, {kLanes, inner, outer}}; }
    detail::Buffer<2> of(const std::uint16_t* words) const { return {words, {inner, outer}}; }
};

void swap_rows(const char* function, SparseInput from, const Rows& from_rows, TensorView to, MaskView to_mask,
               const Rows& to_rows, Workspace& workspace) {
    detail::call_pipeline(function, ::sparsetrain_swap_rows_f32, workspace, from_rows.of(from.tensor.data),
                          to_rows.of(to.data));
    if (!to_mask) return;
    detail::call_pipeline(function, ::sparsetrain_swap_mask_rows_u16, workspace, from_rows.of(from.mask.data),
                          to_rows.of(to_mask.data));
    detail::keep_set_bits(function, to_mask, workspace);
}

void check_swap(const char* function, const char* from_name, const SparseInput& from, const Shape& from_shape,
                const char* to_name, TensorView to, MaskView to_mask, const Shape& to_shape) {
    detail::check_sparse(function, from_name, from, from_shape);
    detail::check_tensor(function, to_name, to, to_shape);
    if (static_cast<bool>(from.mask) != static_cast<bool>(to_mask))
        detail::throw_invalid(function, "masks", "both or none",
                              from.mask ? "that of the input alone" : "that of the output alone");
    if (to_mask) detail::check_mask(function, "output mask", to_mask, to_shape);
    detail::check_apart(function, {{to_name, to}, {"output mask", to_mask}},
                        {{from_name, from.tensor}, {"input mask", from.mask}});
}

}  // namespace

Shape picture_of_features(const Shape& images) {
    detail::check_shape("picture_of_features", "images", images);
    const int pixels = images.h * images.w;
    const int features = pixels == 1 ? images.c : channel_blocks(images.c) * kLanes * pixels;
    return {1, features, 1, images.n};
}

void images_to_picture(SparseInput images, TensorView picture, MaskView picture_mask, Workspace& workspace) {
    const char* const function = "images_to_picture";
    const Shape& shape = images.tensor.shape;
    const Shape to = picture_of_features(shape);
    check_swap(function, "images", images, shape, "picture", picture, picture_mask, to);
    const int positions = channel_blocks(to.c);
    swap_rows(function, images, {positions, shape.n}, picture, picture_mask, {shape.n, positions}, workspace);
}

void picture_to_images(SparseInput picture, TensorView images, MaskView images_mask, Workspace& workspace) {
    const char* const function = "picture_to_images";
    const Shape from = picture_of_features(images.shape);
    check_swap(function, "picture", picture, from, "images", images, images_mask, images.shape);
    const int positions = channel_blocks(from.c);
    swap_rows(function, picture, {images.shape.n, positions}, images, images_mask,
              {positions, images.shape.n}, workspace);
}

}  // namespace sparsetrain
