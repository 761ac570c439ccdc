#include "sparsetrain/conv2d.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "checks.h"
#include "conv_call.h"
#include "conv_class.h"
#include "kernel_choice.h"
#include "padding_lanes.h"
#include "scratch_limits.h"
#include "sparsetrain_channel_sum_f32.h"
#include "verbose.h"
#include "workspace_impl.h"

namespace sparsetrain {

using detail::BiasBuffer;
using detail::call_pipeline;
using detail::check_tensor;
using detail::ConvKernel;
using detail::Epilogue;
using detail::LayerClass;
using detail::MaskBuffer;
using detail::Skips;
using detail::TensorBuffer;
using detail::VerboseCall;

namespace {

std::atomic<unsigned long> next_plan{1};

// A view of the same memory with another shape.
template <typename View>
View with_shape(View view, const Shape& shape) {
    view.shape = shape;
    return view;
}

// What a call sees of the zeros that kernels may skip.
struct Observed {
    Skips skips;
    double zeros;
};

Operand operand_of(Skips skips) {
    return skips == Skips::diff_dst ? Operand::diff_dst : Operand::src;
}

}  // namespace

class SPARSETRAIN_PRIVATE Conv2d::Impl {
  public:
    Impl(const ConvShape& conv_shape, Policy conv_policy)
        : shape(conv_shape),
          policy(detail::checked(conv_policy)),
          layer_class(detail::find_class_of(conv_shape)),
          kernel_shape(detail::shape_for_kernels(conv_shape)),
          id(next_plan++),
          verbose(detail::is_verbose()) {
        detail::check_scratch(layer_class, shape, policy);
        for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights})
            kernels_[static_cast<std::size_t>(pass)] =
                detail::kernels_of_plan(layer_class, shape, policy, pass);
    }

    bool needs_relu_mask() const {
        const auto& kernels = kernels_[static_cast<std::size_t>(Pass::bwd_data)];
        return std::all_of(kernels.begin(), kernels.end(),
                           [](const ConvKernel* kernel) { return kernel->skips == Skips::results; });
    }
    const ConvKernel& choose(Pass pass, std::span<const Observed> observed, Workspace& workspace) const;
    RunStatistics record(const VerboseCall& call, const ConvKernel& kernel,
                         std::span<const Observed> observed, Workspace& workspace) const;
    RunStatistics forward(const char* function, const SparseInput& src, const PackedWeights& weights,
                          std::span<const float> bias, TensorView dst, MaskView dst_mask,
                          Workspace& workspace) const;

    const ConvShape shape;
    const Policy policy;
    const LayerClass& layer_class;
    const ConvShape kernel_shape;  // that of all buffers
    const unsigned long id;
    const bool verbose;

  private:
    std::array<std::vector<const ConvKernel*>, 3> kernels_;  // of each pass
};

// Of the plan's kernels that skip nothing, or something that was observed.
const ConvKernel& Conv2d::Impl::choose(Pass pass, std::span<const Observed> observed,
                                       Workspace& workspace) const {
    const ConvKernel* unskipping = nullptr;
    std::vector<detail::Candidate>& candidates = workspace.impl().candidates;
    candidates.clear();
    for (const ConvKernel* kernel : kernels_[static_cast<std::size_t>(pass)]) {
        if (kernel->skips == Skips::nothing) unskipping = kernel;
        for (const Observed& seen : observed)
            if (kernel->skips == seen.skips)
                candidates.push_back({kernel, seen.zeros, kernel->crossover(shape)});
    }
    if (unskipping == nullptr) {
        return *std::max_element(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
                    return a.zeros < b.zeros;
                })->kernel;
    }
    const auto& choices = workspace.impl().last_choice;
    const auto found = choices.find({id, pass});
    const auto* chosen = detail::choose_kernel(candidates, found == choices.end() ? nullptr : found->second);
    return chosen == nullptr ? *unskipping : *chosen->kernel;
}

// After the call, so that one that failed leaves no trace.
RunStatistics Conv2d::Impl::record(const VerboseCall& call, const ConvKernel& kernel,
                                   std::span<const Observed> observed, Workspace& workspace) const {
    const Observed* seen = &*std::max_element(observed.begin(), observed.end(),
                                              [](const auto& a, const auto& b) { return a.zeros < b.zeros; });
    for (const Observed& one : observed)
        if (one.skips == kernel.skips) seen = &one;
    const RunStatistics run = {kernel.pass, kernel.name, operand_of(seen->skips), seen->zeros};
    call.print_if_verbose(layer_class.info.name, shape, run);
    constexpr std::size_t kMostChoices = 4096;  // of plans long gone, too: a Workspace does not see them end
    if (policy != Policy::automatic) return run;
    Workspace::Impl& state = workspace.impl();
    if (state.last_choice.size() >= kMostChoices) state.last_choice.clear();
    state.last_choice[{id, run.pass}] = &kernel;
    return run;
}

namespace {

// A bias is optional, and needs no alignment of its own.
void check_bias(const char* function, const char* argument, int channels, std::span<const float> bias) {
    if (bias.empty()) return;
    detail::check_count(function, argument, static_cast<std::size_t>(channels), bias.size());
    detail::check_pointer(function, argument, bias.data(), alignof(float));
}

}  // namespace

Conv2d::Conv2d(const ConvShape& shape, Policy policy) : impl_(std::make_unique<Impl>(shape, policy)) {}
Conv2d::~Conv2d() = default;
Conv2d::Conv2d(Conv2d&&) noexcept = default;
Conv2d& Conv2d::operator=(Conv2d&&) noexcept = default;

const ConvShape& Conv2d::shape() const {
    return impl().shape;
}
Policy Conv2d::policy() const {
    return impl().policy;
}
const char* Conv2d::layer_class() const {
    return impl().layer_class.info.name;
}
const Conv2d::Impl& Conv2d::impl() const {
    detail::check_not_moved("Conv2d", impl_.get());
    return *impl_;
}

// With the ReLU whose mask dst_mask gets, unless that is none.
RunStatistics Conv2d::Impl::forward(const char* function, const SparseInput& src,
                                    const PackedWeights& weights, std::span<const float> bias, TensorView dst,
                                    MaskView dst_mask, Workspace& workspace) const {
    const VerboseCall call(verbose);
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_bias(function, "bias", shape.k, bias);
    check_tensor(function, "dst", dst, shape.dst());
    detail::check_apart(
        function, {{"dst", dst}, {"dst_mask", dst_mask}},
        {{"src", src.tensor}, {"src mask", src.mask}, {"weights", weights.master()}, {"bias", bias}});

    const Observed observed[] = {{Skips::src, detail::observe_zeros(src)}};
    const ConvKernel& kernel = choose(Pass::fwd, observed, workspace);
    TensorBuffer src_buffer(with_shape(src.tensor, kernel_shape.src)),
        dst_buffer(with_shape(dst, kernel_shape.dst()));
    BiasBuffer bias_buffer(bias, shape.k, workspace);
    MaskBuffer mask_buffer(with_shape(dst_mask, kernel_shape.dst()));
    kernel.run({.function = function,
                .shape = kernel_shape,
                .workspace = workspace,
                .src = src_buffer,
                .dst = dst_buffer,
                .weights = &weights,
                .bias = &bias_buffer,
                .epilogue = dst_mask ? Epilogue::relu : Epilogue::plain,
                .mask = &mask_buffer});
    return record(call, kernel, observed, workspace);
}

RunStatistics Conv2d::forward(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                              TensorView dst, Workspace& workspace) const {
    return impl().forward("Conv2d::forward", src, weights, bias, dst, {}, workspace);
}

RunStatistics Conv2d::forward_relu(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                                   TensorView dst, MaskView dst_mask, Workspace& workspace) const {
    const char* function = "Conv2d::forward_relu";
    detail::check_mask(function, "dst_mask", dst_mask, impl().shape.dst());
    return impl().forward(function, src, weights, bias, dst, dst_mask, workspace);
}

namespace {

void check_backward_data(const char* function, const LayerClass& layer_class) {
    if (layer_class.info.backward_data) return;
    throw Error(ErrorCode::unsupported,
                std::string(function) + ": expected a layer class with a pass bwd_data, given " +
                    layer_class.info.name + ", which is for a network's first layer: fwd and bwd_weights");
}

}  // namespace

RunStatistics Conv2d::backward_data(SparseInput diff_dst, const PackedWeights& weights, TensorView diff_src,
                                    Workspace& workspace, ConstMaskView relu_mask) const {
    const char* function = "Conv2d::backward_data";
    const VerboseCall call(impl().verbose);
    const ConvShape &shape = impl().shape, &kernel_shape = impl().kernel_shape;
    check_backward_data(function, impl().layer_class);
    detail::check_sparse(function, "diff_dst", diff_dst, shape.dst());
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_tensor(function, "diff_src", diff_src, shape.src);
    if (relu_mask) detail::check_mask(function, "relu_mask", relu_mask, shape.src);
    detail::check_apart(function, {{"diff_src", diff_src}},
                        {{"diff_dst", diff_dst.tensor},
                         {"diff_dst mask", diff_dst.mask},
                         {"weights", weights.master()},
                         {"relu_mask", relu_mask}});
    if (!relu_mask && impl().needs_relu_mask()) {
        detail::throw_invalid(function, "relu_mask",
                              std::string("a mask, as the plan's policy is ") + to_string(impl().policy),
                              "none");
    }

    const Observed both[] = {{Skips::diff_dst, detail::observe_zeros(diff_dst)},
                             {Skips::results, relu_mask ? detail::observe_zeros(relu_mask) : 0}};
    const std::span<const Observed> observed(both, relu_mask ? 2 : 1);
    const ConvKernel& kernel = impl().choose(Pass::bwd_data, observed, workspace);
    TensorBuffer src_buffer(with_shape(diff_src, kernel_shape.src)),
        dst_buffer(with_shape(diff_dst.tensor, kernel_shape.dst()));
    BiasBuffer no_bias({}, shape.src.c, workspace);
    MaskBuffer mask_buffer(with_shape(relu_mask, kernel_shape.src));
    kernel.run({.function = function,
                .shape = kernel_shape,
                .workspace = workspace,
                .src = src_buffer,
                .dst = dst_buffer,
                .weights = &weights,
                .bias = &no_bias,
                .epilogue = relu_mask ? Epilogue::masked : Epilogue::plain,
                .mask = &mask_buffer});
    if (kernel.skips == Skips::results && detail::has_padding_bits(relu_mask))
        detail::clear_padding_lanes(function, diff_src, workspace);
    return impl().record(call, kernel, observed, workspace);
}

RunStatistics Conv2d::backward_weights(SparseInput src, SparseInput diff_dst, WeightsView diff_weights,
                                       std::span<float> diff_bias, Workspace& workspace) const {
    const char* function = "Conv2d::backward_weights";
    const VerboseCall call(impl().verbose);
    const ConvShape &shape = impl().shape, &kernel_shape = impl().kernel_shape;
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_sparse(function, "diff_dst", diff_dst, shape.dst());
    detail::check_weights(function, "diff_weights", diff_weights, shape.weights());
    check_bias(function, "diff_bias", shape.k, diff_bias);
    detail::check_apart(function, {{"diff_weights", diff_weights}, {"diff_bias", diff_bias}},
                        {{"src", src.tensor},
                         {"src mask", src.mask},
                         {"diff_dst", diff_dst.tensor},
                         {"diff_dst mask", diff_dst.mask}});

    const Observed observed[] = {{Skips::src, detail::observe_zeros(src)},
                                 {Skips::diff_dst, detail::observe_zeros(diff_dst)}};
    const ConvKernel& kernel = impl().choose(Pass::bwd_weights, observed, workspace);
    TensorBuffer src_buffer(with_shape(src.tensor, kernel_shape.src)),
        diff_dst_buffer(with_shape(diff_dst.tensor, kernel_shape.dst()));
    detail::WeightsBuffer result(diff_weights);
    kernel.run({.function = function,
                .shape = kernel_shape,
                .workspace = workspace,
                .src = src_buffer,
                .dst = diff_dst_buffer,
                .diff_weights = &result});
    detail::clear_padding_lanes(function, diff_weights, workspace);
    if (!diff_bias.empty()) {
        BiasBuffer sums({}, shape.k, workspace);
        call_pipeline(function, sparsetrain_channel_sum_f32, workspace, diff_dst_buffer, sums);
        std::copy_n(sums.values(), diff_bias.size(), diff_bias.begin());
    }
    return impl().record(call, kernel, observed, workspace);
}

}  // namespace sparsetrain
