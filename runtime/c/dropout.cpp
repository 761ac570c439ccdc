#include "sparsetrain/dropout.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/dropout.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

sparsetrain_status sparsetrain_dropout_forward(const sparsetrain_shape* shape, const float* src,
                                               sparsetrain_mask* src_mask, float rate, uint64_t seed,
                                               float* dst, sparsetrain_mask* kept,
                                               sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_dropout_forward";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        dropout_forward({ConstTensorView{src, all}, read_mask(function, "src_mask", src_mask, all)}, rate,
                        seed, {dst, all}, written_mask(function, "kept", kept, all),
                        deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_dropout_backward(const sparsetrain_shape* shape, const float* diff_dst,
                                                float rate, sparsetrain_mask* kept, float* diff_src,
                                                sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_dropout_backward";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        dropout_backward({diff_dst, all}, rate, read_mask(function, "kept", kept, all), {diff_src, all},
                         deref(function, workspace));
    });
}
