#include "sparsetrain/layout.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/layout.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

sparsetrain_status sparsetrain_nchw_to_nchw16c(const sparsetrain_shape* shape, const float* src, float* dst,
                                               sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_nchw_to_nchw16c";
    return guarded(function, [&] {
        nchw_to_nchw16c(src, {dst, checked(function, "shape", shape)}, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_nchw16c_to_nchw(const sparsetrain_shape* shape, const float* src, float* dst,
                                               sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_nchw16c_to_nchw";
    return guarded(function, [&] {
        nchw16c_to_nchw({src, checked(function, "shape", shape)}, dst, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_nhwc_to_nchw16c(const sparsetrain_shape* shape, const float* src, float* dst,
                                               sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_nhwc_to_nchw16c";
    return guarded(function, [&] {
        nhwc_to_nchw16c(src, {dst, checked(function, "shape", shape)}, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_nchw16c_to_nhwc(const sparsetrain_shape* shape, const float* src, float* dst,
                                               sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_nchw16c_to_nhwc";
    return guarded(function, [&] {
        nchw16c_to_nhwc({src, checked(function, "shape", shape)}, dst, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_oihw_to_weights(const sparsetrain_weights_shape* shape, const float* src,
                                               float* weights, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_oihw_to_weights";
    return guarded(function, [&] {
        oihw_to_weights(src, {weights, checked(function, "shape", shape)}, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_weights_to_oihw(const sparsetrain_weights_shape* shape, const float* weights,
                                               float* dst, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_weights_to_oihw";
    return guarded(function, [&] {
        weights_to_oihw({weights, checked(function, "shape", shape)}, dst, deref(function, workspace));
    });
}
