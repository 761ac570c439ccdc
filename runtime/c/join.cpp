#include "sparsetrain/join.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/join.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

sparsetrain_status sparsetrain_add_relu(const sparsetrain_shape* shape, const float* a, const float* b,
                                        float* dst, sparsetrain_mask* dst_mask,
                                        sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_add_relu";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        add_relu({a, all}, {b, all}, {dst, all}, written_mask(function, "dst_mask", dst_mask, all),
                 deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_add_gradients(const sparsetrain_shape* shape, const float* a, const float* b,
                                             sparsetrain_mask* relu_mask, float* sum,
                                             sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_add_gradients";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        add_gradients({a, all}, {b, all}, read_mask(function, "relu_mask", relu_mask, all), {sum, all},
                      deref(function, workspace));
    });
}
