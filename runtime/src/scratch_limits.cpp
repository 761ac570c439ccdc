#include "scratch_limits.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "conv_class.h"
#include "packed_weights_impl.h"
#include "scratch_model.h"
#include "sparsetrain/error.h"

namespace sparsetrain::detail {

namespace {

// Of a block in bytes, Halide's; and of packed weights in elements.
constexpr double kMost = std::numeric_limits<std::int32_t>::max();

// What a plan may run in a pass.
std::vector<Kernel> kernels_of(const LayerClass& layer_class, Policy policy, Pass pass) {
    const bool by_any = policy == Policy::automatic, skips = layer_class.info.skips_zeros;
    std::vector<Kernel> kernels = {Kernel::dense};
    if (skips && (by_any || policy == Policy::zero_skip)) kernels.push_back(Kernel::zero_skip);
    if (skips && pass == Pass::bwd_data && (by_any || policy == Policy::output_mask))
        kernels.push_back(Kernel::output_mask);
    if (!by_any && kernels.size() > 1) kernels.erase(kernels.begin());
    return kernels;
}

template <std::size_t Dimensions>
double elements_of(const std::array<int, Dimensions>& extents) {
    double elements = 1;
    for (const int extent : extents) elements *= extent;
    return elements;
}

// Of the weights that a pass reads; dense's are as many as the master's.
double packed_elements(const LayerClass& layer_class, const ConvShape& shape, Pass pass, Kernel kernel) {
    if (kernel == Kernel::dense || pass == Pass::bwd_weights) return 0;
    if (kernel == Kernel::output_mask)
        return elements_of(packed_extents(layer_class.output_mask.row, layer_class.info, shape.weights()));
    const int in = pass == Pass::fwd ? shape.src.c : shape.k, out = pass == Pass::fwd ? shape.k : shape.src.c;
    const ScatterKernel& scatter = layer_class.kernels(pass).zero_skip_for(in, out);
    return elements_of(packed_extents(scatter.row, layer_class.info, in, out));
}

// On any number of threads: bwd_weights by zero_skip has sums for each, the others less for more.
bool fits(const LayerClass& layer_class, const ConvShape& shape, Pass pass, Kernel kernel) {
    if (packed_elements(layer_class, shape, pass, kernel) > kMost) return false;
    const int most_threads = pass == Pass::bwd_weights && kernel == Kernel::zero_skip ? kMostThreads : 1;
    for (int threads = 1; threads <= most_threads; ++threads)
        if (largest_scratch(layer_class, shape, pass, kernel, threads) > kMost) return false;
    return true;
}

bool fits(const LayerClass& layer_class, const ConvShape& shape, Policy policy) {
    const ConvShape kernel_shape = shape_for_kernels(shape);
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
        if (pass == Pass::bwd_data && !layer_class.info.backward_data) continue;
        for (const Kernel kernel : kernels_of(layer_class, policy, pass))
            if (!fits(layer_class, kernel_shape, pass, kernel)) return false;
    }
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

}  // namespace sparsetrain::detail
