#include "sparsetrain/linear.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/linear.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

sparsetrain_status sparsetrain_picture_of_features(const sparsetrain_shape* images_shape,
                                                   sparsetrain_shape* picture_shape) {
    const char* const function = "sparsetrain_picture_of_features";
    return guarded(function, [&] {
        deref(function, "picture_shape", picture_shape) =
            to_c(picture_of_features(checked(function, "images_shape", images_shape)));
    });
}

sparsetrain_status sparsetrain_images_to_picture(const sparsetrain_shape* images_shape, const float* images,
                                                 sparsetrain_mask* images_mask, float* picture,
                                                 sparsetrain_mask* picture_mask,
                                                 sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_images_to_picture";
    return guarded(function, [&] {
        const Shape from = checked(function, "images_shape", images_shape), to = picture_of_features(from);
        images_to_picture(
            {ConstTensorView{images, from}, read_mask(function, "images_mask", images_mask, from)},
            {picture, to}, written_mask(function, "picture_mask", picture_mask, to),
            deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_picture_to_images(const sparsetrain_shape* images_shape, const float* picture,
                                                 sparsetrain_mask* picture_mask, float* images,
                                                 sparsetrain_mask* images_mask,
                                                 sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_picture_to_images";
    return guarded(function, [&] {
        const Shape to = checked(function, "images_shape", images_shape), from = picture_of_features(to);
        picture_to_images(
            {ConstTensorView{picture, from}, read_mask(function, "picture_mask", picture_mask, from)},
            {images, to}, written_mask(function, "images_mask", images_mask, to), deref(function, workspace));
    });
}
