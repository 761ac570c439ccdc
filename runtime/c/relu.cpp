#include "sparsetrain/relu.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/relu.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

sparsetrain_status sparsetrain_relu_forward(const sparsetrain_shape* shape, const float* src, float* dst,
                                            sparsetrain_mask* dst_mask, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_relu_forward";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        relu_forward({src, all}, {dst, all}, written_mask(function, "dst_mask", dst_mask, all),
                     deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_relu_backward(const sparsetrain_shape* shape, const float* diff_dst,
                                             sparsetrain_mask* mask, float* diff_src,
                                             sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_relu_backward";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        relu_backward({diff_dst, all}, read_mask(function, "mask", mask, all), {diff_src, all},
                      deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_occupancy_mask(const sparsetrain_shape* shape, const float* tensor,
                                              sparsetrain_mask* mask, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_occupancy_mask";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        occupancy_mask({tensor, all}, written_mask(function, "mask", mask, all), deref(function, workspace));
    });
}
