#include "sparsetrain/pool.h"

#include "arguments.h"
#include "checks.h"
#include "guarded.h"
#include "sparsetrain/c/pool.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

namespace {

PoolWindow window_of(const char* function, const sparsetrain_pool_window* window) {
    const sparsetrain_pool_window& given = deref(function, "window", window);
    return {.height = given.height,
            .width = given.width,
            .stride_y = given.stride_y,
            .stride_x = given.stride_x,
            .padding = {given.top, given.left, given.bottom, given.right}};
}

Averaged averaged_of(const char* function, int32_t averaged) {
    const int number = checked_number(function, "averaged", averaged, 2);
    return number == SPARSETRAIN_AVERAGED_ALL ? Averaged::all : Averaged::inside;
}

// What one window makes of src.
struct Pooled {
    Pooled(const char* function, const sparsetrain_shape* src_shape, const sparsetrain_pool_window* c_window)
        : src(checked(function, "src_shape", src_shape)), window(window_of(function, c_window)) {
        dst = window.dst(src);
        detail::check_shape(function, "dst", dst);
    }

    Shape src;
    PoolWindow window;
    Shape dst;
};

Shape one_pixel_of(const Shape& src) {
    return {src.n, src.c, 1, 1};
}

}  // namespace

sparsetrain_status sparsetrain_pool_dst(const sparsetrain_shape* src_shape,
                                        const sparsetrain_pool_window* window, sparsetrain_shape* dst_shape) {
    const char* const function = "sparsetrain_pool_dst";
    return guarded(function, [&] {
        deref(function, "dst_shape", dst_shape) = to_c(Pooled(function, src_shape, window).dst);
    });
}

sparsetrain_status sparsetrain_max_pool_forward(const sparsetrain_shape* src_shape,
                                                const sparsetrain_pool_window* window, const float* src,
                                                float* dst, sparsetrain_mask* dst_mask, uint8_t* choice,
                                                sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_max_pool_forward";
    return guarded(function, [&] {
        const Pooled pooled(function, src_shape, window);
        max_pool_forward({src, pooled.src}, pooled.window, {dst, pooled.dst},
                         written_mask(function, "dst_mask", dst_mask, pooled.dst),
                         {choice, pooled.dst.elements()}, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_max_pool_backward(const sparsetrain_shape* src_shape,
                                                 const sparsetrain_pool_window* window, const float* diff_dst,
                                                 const uint8_t* choice, sparsetrain_mask* relu_mask,
                                                 float* diff_src, sparsetrain_mask* diff_src_mask,
                                                 sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_max_pool_backward";
    return guarded(function, [&] {
        const Pooled pooled(function, src_shape, window);
        max_pool_backward({diff_dst, pooled.dst}, {choice, pooled.dst.elements()}, pooled.window,
                          read_mask(function, "relu_mask", relu_mask, pooled.src), {diff_src, pooled.src},
                          written_mask(function, "diff_src_mask", diff_src_mask, pooled.src),
                          deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_average_pool_forward(const sparsetrain_shape* src_shape,
                                                    const sparsetrain_pool_window* window, int32_t averaged,
                                                    const float* src, float* dst,
                                                    sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_average_pool_forward";
    return guarded(function, [&] {
        const Pooled pooled(function, src_shape, window);
        average_pool_forward({src, pooled.src}, pooled.window, averaged_of(function, averaged),
                             {dst, pooled.dst}, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_average_pool_backward(const sparsetrain_shape* src_shape,
                                                     const sparsetrain_pool_window* window, int32_t averaged,
                                                     const float* diff_dst, float* diff_src,
                                                     sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_average_pool_backward";
    return guarded(function, [&] {
        const Pooled pooled(function, src_shape, window);
        average_pool_backward({diff_dst, pooled.dst}, pooled.window, averaged_of(function, averaged),
                              {diff_src, pooled.src}, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_adaptive_average_pool_forward(const sparsetrain_shape* src_shape,
                                                             const sparsetrain_shape* dst_shape,
                                                             const float* src, float* dst,
                                                             sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_adaptive_average_pool_forward";
    return guarded(function, [&] {
        adaptive_average_pool_forward({src, checked(function, "src_shape", src_shape)},
                                      {dst, checked(function, "dst_shape", dst_shape)},
                                      deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_adaptive_average_pool_backward(const sparsetrain_shape* src_shape,
                                                              const sparsetrain_shape* dst_shape,
                                                              const float* diff_dst, float* diff_src,
                                                              sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_adaptive_average_pool_backward";
    return guarded(function, [&] {
        adaptive_average_pool_backward({diff_dst, checked(function, "dst_shape", dst_shape)},
                                       {diff_src, checked(function, "src_shape", src_shape)},
                                       deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_global_average_pool_forward(const sparsetrain_shape* src_shape,
                                                           const float* src, float* dst,
                                                           sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_global_average_pool_forward";
    return guarded(function, [&] {
        const Shape all = checked(function, "src_shape", src_shape);
        global_average_pool_forward({src, all}, {dst, one_pixel_of(all)}, deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_global_average_pool_backward(const sparsetrain_shape* src_shape,
                                                            const float* diff_dst,
                                                            sparsetrain_mask* relu_mask, float* diff_src,
                                                            sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_global_average_pool_backward";
    return guarded(function, [&] {
        const Shape all = checked(function, "src_shape", src_shape);
        global_average_pool_backward({diff_dst, one_pixel_of(all)},
                                     read_mask(function, "relu_mask", relu_mask, all), {diff_src, all},
                                     deref(function, workspace));
    });
}
