#include "sparsetrain/shifted_conv.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/shifted_conv.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

namespace {

ConvScalars scalars_of(const char* function, const sparsetrain_conv_scalars* scalars) {
    const sparsetrain_conv_scalars& given = deref(function, "scalars", scalars);
    return {.before = given.before, .scale = given.scale, .after = given.after};
}

template <typename T>
std::span<T> taps_of(T* taps, const ConvShape& shape) {
    return {taps, tap_sums_size(shape)};
}

}  // namespace

size_t sparsetrain_tap_sums_bytes(const sparsetrain_conv_shape* shape) {
    const char* const function = "sparsetrain_tap_sums_bytes";
    return guarded_value(function, std::size_t{0},
                         [&] { return tap_sums_size(checked(function, "shape", shape)) * sizeof(float); });
}

sparsetrain_status sparsetrain_fold_scalars(const sparsetrain_conv_shape* shape, const float* weights,
                                            const sparsetrain_conv_scalars* scalars, float* taps,
                                            float* folded, float* bias, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_fold_scalars";
    return guarded(function, [&] {
        const ConvShape conv = checked(function, "shape", shape);
        fold_scalars(conv, {weights, conv.weights()}, scalars_of(function, scalars), taps_of(taps, conv),
                     {folded, conv.weights()},
                     {&deref(function, "bias", bias), static_cast<std::size_t>(conv.k)},
                     deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_add_shift(const sparsetrain_conv_shape* shape, const float* taps,
                                         const sparsetrain_conv_scalars* scalars, const float* conv,
                                         float* dst, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_add_shift";
    return guarded(function, [&] {
        const ConvShape of = checked(function, "shape", shape);
        add_shift(of, taps_of(taps, of), scalars_of(function, scalars), {conv, of.dst()}, {dst, of.dst()},
                  deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_add_shift_relu(const sparsetrain_conv_shape* shape, const float* taps,
                                              const sparsetrain_conv_scalars* scalars, const float* conv,
                                              float* dst, sparsetrain_mask* dst_mask,
                                              sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_add_shift_relu";
    return guarded(function, [&] {
        const ConvShape of = checked(function, "shape", shape);
        add_shift_relu(of, taps_of(taps, of), scalars_of(function, scalars), {conv, of.dst()},
                       {dst, of.dst()}, written_mask(function, "dst_mask", dst_mask, of.dst()),
                       deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_unfold_gradients(const sparsetrain_conv_shape* shape, const float* weights,
                                                const float* taps, const sparsetrain_conv_scalars* scalars,
                                                const float* diff_dst, float* diff_weights,
                                                sparsetrain_workspace* workspace,
                                                sparsetrain_conv_scalars* diff_scalars) {
    const char* const function = "sparsetrain_unfold_gradients";
    return guarded(function, [&] {
        const ConvShape conv = checked(function, "shape", shape);
        sparsetrain_conv_scalars& result = deref(function, "diff_scalars", diff_scalars);
        const ConvScalars gradients = unfold_gradients(
            conv, {weights, conv.weights()}, taps_of(taps, conv), scalars_of(function, scalars),
            {diff_dst, conv.dst()}, {diff_weights, conv.weights()}, deref(function, workspace));
        result = {gradients.before, gradients.scale, gradients.after};
    });
}
