#include "sparsetrain/batch_norm.h"

#include "arguments.h"
#include "checks.h"
#include "guarded.h"
#include "sparsetrain/c/batch_norm.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

namespace {

template <typename T>
std::span<T> channels_of(T* values, const Shape& shape) {
    return {values, static_cast<std::size_t>(shape.c)};
}

BatchNorm norm_of(const char* function, const sparsetrain_normalisation* norm, const Shape& shape) {
    const sparsetrain_normalisation& given = deref(function, "norm", norm);
    const int statistics = checked_number(function, "norm.statistics", given.statistics, 2);
    return {.mean = channels_of(given.mean, shape),
            .variance = channels_of(given.variance, shape),
            .scale = channels_of(given.scale, shape),
            .shift = channels_of(given.shift, shape),
            .epsilon = given.epsilon,
            .statistics = statistics == SPARSETRAIN_STATISTICS_CONSTANT ? BatchNorm::Statistics::constant
                                                                        : BatchNorm::Statistics::of_src};
}

BatchNormGradients gradients_of(float* diff_scale, float* diff_shift, const Shape& shape) {
    return {.scale = channels_of(diff_scale, shape), .shift = channels_of(diff_shift, shape)};
}

}  // namespace

sparsetrain_status sparsetrain_batch_statistics(const sparsetrain_shape* shape, const float* src, float* mean,
                                                float* variance, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_batch_statistics";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        batch_statistics({src, all}, channels_of(mean, all), channels_of(variance, all),
                         deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_update_running_statistics(int32_t channels, const float* mean,
                                                         const float* variance, int64_t count, float momentum,
                                                         float* running_mean, float* running_variance) {
    const char* const function = "sparsetrain_update_running_statistics";
    return guarded(function, [&] {
        detail::check_at_least(function, "channels", 1, channels);
        const Shape all{1, channels, 1, 1};
        update_running_statistics(channels_of(mean, all), channels_of(variance, all), count, momentum,
                                  channels_of(running_mean, all), channels_of(running_variance, all));
    });
}

sparsetrain_status sparsetrain_batch_norm(const sparsetrain_shape* shape, const float* src,
                                          const sparsetrain_normalisation* norm, float* dst,
                                          sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_batch_norm";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        batch_norm({src, all}, norm_of(function, norm, all), {dst, all}, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_batch_norm_relu(const sparsetrain_shape* shape, const float* src,
                                               const sparsetrain_normalisation* norm, float* dst,
                                               sparsetrain_mask* dst_mask, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_batch_norm_relu";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        batch_norm_relu({src, all}, norm_of(function, norm, all), {dst, all},
                        written_mask(function, "dst_mask", dst_mask, all), deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_batch_norm_add_relu(const sparsetrain_shape* shape, const float* src,
                                                   const sparsetrain_normalisation* norm, const float* addend,
                                                   float* dst, sparsetrain_mask* dst_mask,
                                                   sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_batch_norm_add_relu";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        batch_norm_add_relu({src, all}, norm_of(function, norm, all), {addend, all}, {dst, all},
                            written_mask(function, "dst_mask", dst_mask, all), deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_batch_norm_backward(const sparsetrain_shape* shape, const float* src,
                                                   const sparsetrain_normalisation* norm,
                                                   const float* diff_dst, float* diff_src, float* diff_scale,
                                                   float* diff_shift, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_batch_norm_backward";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        batch_norm_backward({src, all}, norm_of(function, norm, all), {diff_dst, all}, {diff_src, all},
                            gradients_of(diff_scale, diff_shift, all), deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_batch_norm_relu_backward(const sparsetrain_shape* shape, const float* src,
                                                        const sparsetrain_normalisation* norm,
                                                        const float* diff_dst, sparsetrain_mask* mask,
                                                        float* diff_src, float* diff_scale, float* diff_shift,
                                                        sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_batch_norm_relu_backward";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        batch_norm_relu_backward({src, all}, norm_of(function, norm, all), {diff_dst, all},
                                 read_mask(function, "mask", mask, all), {diff_src, all},
                                 gradients_of(diff_scale, diff_shift, all), deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_batch_norm_add_relu_backward(const sparsetrain_shape* shape, const float* src,
                                                            const sparsetrain_normalisation* norm,
                                                            const float* diff_dst, sparsetrain_mask* mask,
                                                            float* diff_src, float* diff_addend,
                                                            float* diff_scale, float* diff_shift,
                                                            sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_batch_norm_add_relu_backward";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        batch_norm_add_relu_backward({src, all}, norm_of(function, norm, all), {diff_dst, all},
                                     read_mask(function, "mask", mask, all), {diff_src, all},
                                     {diff_addend, all}, gradients_of(diff_scale, diff_shift, all),
                                     deref(function, workspace));
    });
}
