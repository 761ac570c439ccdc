#include "scratch_limits.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "conv_class.h"
#include "kernels/scratch.h"
#include "sparsetrain/error.h"

namespace sparsetrain::detail {

namespace {

// Of a block in bytes, Halide's; and of packed weights in elements.
constexpr double kMost = std::numeric_limits<std::int32_t>::max();

// diff_bias: the sums of each image.
double channel_sums(const ConvShape& shape) {
    return product(kWordBytes, kLanes, channel_blocks(shape.k), shape.src.n);
}

// On any number of threads.
bool fits(const ConvKernel& kernel, const ConvShape& kernel_shape) {
    if (kernel.packing(kernel_shape.weights()).extents.elements() > kMost) return false;
    if (kernel.pass == Pass::bwd_weights && channel_sums(kernel_shape) > kMost) return false;
    const int most_threads = kernel.scratch_grows_with_threads() ? kMostThreads : 1;
    for (int threads = 1; threads <= most_threads; ++threads)
        if (kernel.largest_scratch(kernel_shape, threads) > kMost) return false;
    return true;
}

bool fits(const LayerClass& layer_class, const ConvShape& shape, Policy policy) {
    const ConvShape kernel_shape = shape_for_kernels(shape);
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights})
        for (const ConvKernel* kernel : kernels_of_plan(layer_class, shape, policy, pass))
            if (!fits(*kernel, kernel_shape)) return false;
    return true;
}

// What a caller may make smaller.
struct Size {
    const char* name;
    int& (*of)(ConvShape& shape);
    int (*least)(const ConvShape& shape);
};
int one(const ConvShape& /*shape*/) {
    return 1;
}
constexpr Size kSizes[] = {
    {"width of src", [](ConvShape& s) -> int& { return s.src.w; },
     [](const ConvShape& s) { return std::max(1, s.filter_w - s.padding.left - s.padding.right); }},
    {"images of src", [](ConvShape& s) -> int& { return s.src.n; }, one},
    {"channels of src", [](ConvShape& s) -> int& { return s.src.c; }, one},
    {"k", [](ConvShape& s) -> int& { return s.k; }, one}};

// The largest of a size that fits beside the others of `shape`, which does not; 0: none does.
int largest_fitting(const LayerClass& layer_class, const ConvShape& shape, Policy policy, const Size& size) {
    const auto fits_with = [&](int value) {
        ConvShape changed = shape;
        size.of(changed) = value;
        return fits(layer_class, changed, policy);
    };
    ConvShape given = shape;
    int fitting = size.least(shape), beyond = size.of(given);
    if (fitting >= beyond || !fits_with(fitting)) return 0;
    while (beyond - fitting > 1) {
        const int middle = fitting + (beyond - fitting) / 2;
        (fits_with(middle) ? fitting : beyond) = middle;
    }
    return fitting;
}

[[noreturn]] void refuse(const char* name, const std::string& expected, Policy policy, int given) {
    throw Error(ErrorCode::unsupported, std::string("Conv2d: ") + name + ": expected " + expected +
                                            " with these other sizes and policy " + to_string(policy) +
                                            ", as its passes work in blocks of less than 2^31 bytes, given " +
                                            std::to_string(given));
}

}  // namespace

void check_scratch(const LayerClass& layer_class, const ConvShape& shape, Policy policy) {
    if (fits(layer_class, shape, policy)) return;
    ConvShape given = shape;
    for (const Size& size : kSizes) {
        const int most = largest_fitting(layer_class, shape, policy, size);
        if (most > 0) refuse(size.name, "at most " + std::to_string(most), policy, size.of(given));
    }
    refuse(kSizes[0].name, "less, of fewer channels,", policy, shape.src.w);
}

// The largest block of a kernel is most of what it takes: of each thread, or of all.
double scratch_bytes(const LayerClass& layer_class, const ConvShape& shape, Policy policy, int threads) {
    const ConvShape kernel_shape = shape_for_kernels(shape);
    double most = 0;
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights})
        for (const ConvKernel* kernel : kernels_of_plan(layer_class, shape, policy, pass))
            most = std::max(most, kernel->largest_scratch(kernel_shape, threads) *
                                      (kernel->scratch_grows_with_threads() ? 1 : threads));
    return most;
}

}  // namespace sparsetrain::detail
