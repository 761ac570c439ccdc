#include "sparsetrain/conv2d.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "checks.h"
#include "conv_call.h"
#include "conv_class.h"
#include "kernel_choice.h"
#include "mask_bits.h"
#include "observed_zeros.h"
#include "padding_lanes.h"
#include "scratch_limits.h"
#include "sparsetrain_channel_sum_f32.h"
#include "verbose.h"
#include "workspace_impl.h"

namespace sparsetrain {

using detail::BiasBuffer;
using detail::call_pipeline;
using detail::Candidate;
using detail::check_tensor;
using detail::ConvCall;
using detail::ConvKernel;
using detail::Epilogue;
using detail::LayerClass;
using detail::MaskBuffer;
using detail::Observed;
using detail::Skips;
using detail::TensorBuffer;
using detail::VerboseCall;

namespace {

// A view of the same memory with another shape.
template <typename View>
View with_shape(View view, const Shape& shape) {
    view.shape = shape;
    return view;
}

Operand operand_of(Skips skips) {
    return skips == Skips::diff_dst ? Operand::diff_dst : Operand::src;
}

}  // namespace

class SPARSETRAIN_PRIVATE Conv2d::Impl {
  public:
    Impl(const ConvShape& conv_shape, Policy conv_policy, Choice conv_choice)
        : shape(conv_shape),
          policy(detail::checked(conv_policy)),
          choice(detail::choice_of_plan(conv_choice)),
          layer_class(detail::find_class_of(conv_shape)),
          kernel_shape(detail::shape_for_kernels(conv_shape)),
          verbosity(detail::verbosity()),
          kernels(layer_class, conv_shape, policy, choice) {
        detail::check_scratch(layer_class, shape, policy);
    }

    // Runs the kernel that suits what was observed; `finish` follows it.
    template <typename Finish>
    RunStatistics run(const VerboseCall& line, Pass pass, std::span<const Observed> observed,
                      const ConvCall& call, const Finish& finish) const;
    RunStatistics run(const VerboseCall& line, Pass pass, std::span<const Observed> observed,
                      const ConvCall& call) const {
        return run(line, pass, observed, call, [](const ConvKernel&) {});
    }
    RunStatistics forward(const char* function, const SparseInput& src, const PackedWeights& weights,
                          std::span<const float> bias, TensorView dst, MaskView dst_mask,
                          Workspace& workspace) const;

    const ConvShape shape;
    const Policy policy;
    const Choice choice;
    const LayerClass& layer_class;
    const ConvShape kernel_shape;  // that of all buffers
    const int verbosity;
    mutable detail::KernelChoice kernels;

  private:
    RunStatistics statistics(const Candidate& decided, std::span<const Observed> observed) const;
};

// Of what was observed, what the kernel skips, or else the sparser.
RunStatistics Conv2d::Impl::statistics(const Candidate& decided, std::span<const Observed> observed) const {
    const Observed* seen = &*std::max_element(observed.begin(), observed.end(),
                                              [](const auto& a, const auto& b) { return a.zeros < b.zeros; });
    for (const Observed& one : observed)
        if (one.skips == decided.kernel->skips) seen = &one;
    return {decided.kernel->pass,
            decided.kernel->name,
            operand_of(seen->skips),
            seen->zeros,
            decided.kernel->skips != Skips::nothing,
            decided.is_tried};
}

// Lines come after the call, so that one that failed leaves no trace.
template <typename Finish>
RunStatistics Conv2d::Impl::run(const VerboseCall& line, Pass pass, std::span<const Observed> observed,
                                const ConvCall& call, const Finish& finish) const {
    Workspace& workspace = call.workspace;
    const detail::CallKind kind = {pass, call.epilogue, detail::threads_for_call(workspace),
                                   call.weights != nullptr && call.weights->impl().packs_for_a_call()};
    const Candidate decided = kernels.decide(kind, observed, workspace.impl().candidates);
    if (kernels.learns(pass)) {
        const auto start = std::chrono::steady_clock::now();
        decided.kernel->run(call);
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        kernels.add_time(kind, decided, time.count());
    } else {
        decided.kernel->run(call);
    }
    finish(*decided.kernel);
    const RunStatistics run = statistics(decided, observed);
    if (verbosity >= 1) line.print(layer_class.info.name, shape, run);
    if (verbosity >= 2)
        detail::print_choice(layer_class.info.name, shape, kernels.explain(kind, observed, decided));
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

Conv2d::Conv2d(const ConvShape& shape, Policy policy, Choice choice)
    : impl_(std::make_unique<Impl>(shape, policy, choice)) {}
Conv2d::~Conv2d() = default;
Conv2d::Conv2d(Conv2d&&) noexcept = default;
Conv2d& Conv2d::operator=(Conv2d&&) noexcept = default;

const ConvShape& Conv2d::shape() const {
    return impl().shape;
}
Policy Conv2d::policy() const {
    return impl().policy;
}
Choice Conv2d::choice() const {
    return impl().choice;
}
const char* Conv2d::layer_class() const {
    return impl().layer_class.info.name;
}
std::size_t Conv2d::scratch_bytes(int threads) const {
    const Impl& plan = impl();
    detail::check_at_least("Conv2d::scratch_bytes", "threads", 1, threads);
    return static_cast<std::size_t>(
        detail::scratch_bytes(plan.layer_class, plan.shape, plan.policy, threads));
}
const Conv2d::Impl& Conv2d::impl() const {
    detail::check_not_moved("Conv2d", impl_.get());
    return *impl_;
}

// With the ReLU whose mask dst_mask gets, unless that is none.
RunStatistics Conv2d::Impl::forward(const char* function, const SparseInput& src,
                                    const PackedWeights& weights, std::span<const float> bias, TensorView dst,
                                    MaskView dst_mask, Workspace& workspace) const {
    const VerboseCall line(verbosity >= 1);
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_bias(function, "bias", shape.k, bias);
    check_tensor(function, "dst", dst, shape.dst());
    detail::check_apart(
        function, {{"dst", dst}, {"dst_mask", dst_mask}},
        {{"src", src.tensor}, {"src mask", src.mask}, {"weights", weights.master()}, {"bias", bias}});

    const Observed observed[] = {{Skips::src, detail::observe_zeros(function, src, workspace)}};
    TensorBuffer src_buffer(with_shape(src.tensor, kernel_shape.src)),
        dst_buffer(with_shape(dst, kernel_shape.dst()));
    BiasBuffer bias_buffer(bias, shape.k, workspace);
    MaskBuffer mask_buffer(with_shape(dst_mask, kernel_shape.dst()));
    return run(line, Pass::fwd, observed,
               {.function = function,
                .shape = kernel_shape,
                .workspace = workspace,
                .src = src_buffer,
                .dst = dst_buffer,
                .weights = &weights,
                .bias = &bias_buffer,
                .epilogue = dst_mask ? Epilogue::relu : Epilogue::plain,
                .mask = &mask_buffer});
}

RunStatistics Conv2d::forward(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                              TensorView dst, Workspace& workspace) const {
    return impl().forward("Conv2d::forward", src, weights, bias, dst, {}, workspace);
}

RunStatistics Conv2d::forward_relu(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                                   TensorView dst, MaskView dst_mask, Workspace& workspace) const {
    const char* function = "Conv2d::forward_relu";
    detail::check_mask(function, "dst_mask", dst_mask, impl().shape.dst());
    const RunStatistics run = impl().forward(function, src, weights, bias, dst, dst_mask, workspace);
    detail::keep_set_bits(function, dst_mask, workspace);
    return run;
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
    const VerboseCall line(impl().verbosity >= 1);
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
    if (!relu_mask && impl().kernels.needs_relu_mask()) {
        detail::throw_invalid(function, "relu_mask",
                              std::string("a mask, as the plan's policy is ") + to_string(impl().policy),
                              "none");
    }

    const Observed both[] = {
        {Skips::diff_dst, detail::observe_zeros(function, diff_dst, workspace)},
        {Skips::results, relu_mask ? detail::observe_zeros(function, relu_mask, workspace) : 0}};
    const std::span<const Observed> observed(both, relu_mask ? 2 : 1);
    TensorBuffer src_buffer(with_shape(diff_src, kernel_shape.src)),
        dst_buffer(with_shape(diff_dst.tensor, kernel_shape.dst()));
    BiasBuffer no_bias({}, shape.src.c, workspace);
    MaskBuffer mask_buffer(with_shape(relu_mask, kernel_shape.src));
    const auto clear_padding = [&](const ConvKernel& kernel) {
        if (kernel.skips == Skips::results && detail::has_padding_bits(function, relu_mask, workspace))
            detail::clear_padding_lanes(function, diff_src, workspace);
    };
    return impl().run(line, Pass::bwd_data, observed,
                      {.function = function,
                       .shape = kernel_shape,
                       .workspace = workspace,
                       .src = src_buffer,
                       .dst = dst_buffer,
                       .weights = &weights,
                       .bias = &no_bias,
                       .epilogue = relu_mask ? Epilogue::masked : Epilogue::plain,
                       .mask = &mask_buffer},
                      clear_padding);
}

RunStatistics Conv2d::backward_weights(SparseInput src, SparseInput diff_dst, WeightsView diff_weights,
                                       std::span<float> diff_bias, Workspace& workspace) const {
    const char* function = "Conv2d::backward_weights";
    const VerboseCall line(impl().verbosity >= 1);
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

    const Observed observed[] = {{Skips::src, detail::observe_zeros(function, src, workspace)},
                                 {Skips::diff_dst, detail::observe_zeros(function, diff_dst, workspace)}};
    TensorBuffer src_buffer(with_shape(src.tensor, kernel_shape.src)),
        diff_dst_buffer(with_shape(diff_dst.tensor, kernel_shape.dst()));
    detail::WeightsBuffer result(diff_weights);
    const auto add_up_bias = [&](const ConvKernel&) {
        detail::clear_padding_lanes(function, diff_weights, workspace);
        if (diff_bias.empty()) return;
        BiasBuffer sums({}, shape.k, workspace);
        call_pipeline(function, sparsetrain_channel_sum_f32, workspace, diff_dst_buffer, sums);
        std::copy_n(sums.values(), diff_bias.size(), diff_bias.begin());
    };
    return impl().run(line, Pass::bwd_weights, observed,
                      {.function = function,
                       .shape = kernel_shape,
                       .workspace = workspace,
                       .src = src_buffer,
                       .dst = diff_dst_buffer,
                       .diff_weights = &result},
                      add_up_bias);
}

}  // namespace sparsetrain
