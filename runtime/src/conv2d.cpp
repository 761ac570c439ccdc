#include "sparsetrain/conv2d.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "checks.h"
#include "conv_class.h"
#include "convolve.h"
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
using detail::LayerClass;
using detail::TensorBuffer;
using detail::VerboseCall;

namespace {

std::atomic<unsigned long> next_plan{1};

Policy checked(Policy policy) {
    switch (policy) {
        case Policy::automatic:
        case Policy::dense:
        case Policy::zero_skip:
        case Policy::output_mask:
            return policy;
    }
    detail::throw_invalid("Conv2d", "policy", "auto, dense, zero_skip or output_mask",
                          "policy value " + std::to_string(static_cast<int>(policy)));
}

// A view of the same memory with another shape.
template <typename View>
View with_shape(View view, const Shape& shape) {
    view.shape = shape;
    return view;
}

}  // namespace

class SPARSETRAIN_PRIVATE Conv2d::Impl {
  public:
    Impl(const ConvShape& conv_shape, Policy conv_policy)
        : shape(conv_shape),
          policy(checked(conv_policy)),
          layer_class(detail::find_class_of(conv_shape)),
          kernel_shape(detail::shape_for_kernels(conv_shape)),
          id(next_plan++),
          verbose(detail::is_verbose()) {
        detail::check_scratch(layer_class, shape, policy);
    }

    RunStatistics decide(Pass pass, std::span<const detail::Candidate> candidates,
                         Workspace& workspace) const;
    void record(const VerboseCall& call, const RunStatistics& run, Workspace& workspace) const;
    template <typename... Masks>
    void forward(const char* function, const SparseInput& src, const PackedWeights& weights,
                 std::span<const float> bias, Workspace& workspace, TensorView dst, Masks... dst_mask) const;

    const ConvShape shape;
    const Policy policy;
    const LayerClass& layer_class;
    const ConvShape kernel_shape;  // that of all buffers
    const unsigned long id;
    const bool verbose;
};

// Which kernel runs, of dense and the candidates (at least one). A plan for a kernel that is no candidate in
// this pass runs dense.
RunStatistics Conv2d::Impl::decide(Pass pass, std::span<const detail::Candidate> candidates,
                                   Workspace& workspace) const {
    const detail::Candidate& sparsest = detail::sparsest(candidates);
    const detail::Candidate* chosen = nullptr;
    if (!layer_class.info.skips_zeros) {
        chosen = nullptr;
    } else if (policy == Policy::zero_skip) {
        chosen = detail::sparsest_of(Kernel::zero_skip, candidates);
    } else if (policy == Policy::output_mask) {
        chosen = detail::sparsest_of(Kernel::output_mask, candidates);
    } else if (policy == Policy::automatic && shape.src.c >= kLanes) {
        // A first convolution's operand is mostly the padding of its few channels, which is no sparsity.
        const auto& choices = workspace.impl().last_choice;
        const auto found = choices.find({id, pass});
        chosen = detail::choose_kernel(candidates, found == choices.end() ? nullptr : &found->second);
    }
    if (chosen == nullptr) return {pass, Kernel::dense, sparsest.skipped, sparsest.zeros};
    return {pass, chosen->kernel, chosen->skipped, chosen->zeros};
}

// After the call, so that one that failed leaves no trace.
void Conv2d::Impl::record(const VerboseCall& call, const RunStatistics& run, Workspace& workspace) const {
    call.print_if_verbose(layer_class.info.name, shape, run);
    constexpr std::size_t kMostChoices = 4096;  // of plans long gone, too: a Workspace does not see them end
    Workspace::Impl& state = workspace.impl();
    state.last_run = run;
    if (policy != Policy::automatic) return;
    if (state.last_choice.size() >= kMostChoices) state.last_choice.clear();
    state.last_choice[{id, run.pass}] = {run.kernel, run.skipped};
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

// fwd with or without ReLU, which has a mask behind dst.
template <typename... Masks>
void Conv2d::Impl::forward(const char* function, const SparseInput& src, const PackedWeights& weights,
                           std::span<const float> bias, Workspace& workspace, TensorView dst,
                           Masks... dst_mask) const {
    const VerboseCall call(verbose);
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_bias(function, "bias", shape.k, bias);
    check_tensor(function, "dst", dst, shape.dst());
    detail::check_apart(
        function, {{"dst", dst}, {"dst_mask", dst_mask}...},
        {{"src", src.tensor}, {"src mask", src.mask}, {"weights", weights.master()}, {"bias", bias}});

    const detail::Candidate by_src = {Kernel::zero_skip, Operand::src, detail::observe_zeros(src),
                                      layer_class.fwd.zero_skip_crossover(shape.src.c, shape.k)};
    const RunStatistics run = decide(Pass::fwd, {&by_src, 1}, workspace);
    BiasBuffer bias_buffer(bias, shape.k);
    const Shape out = kernel_shape.dst();
    detail::convolve({function, Pass::fwd, with_shape(src.tensor, kernel_shape.src), out, shape.padding.top,
                      shape.padding.left},
                     layer_class, run.kernel, weights, bias_buffer, workspace,
                     TensorBuffer(with_shape(dst, out)), detail::MaskBuffer(with_shape(dst_mask, out))...);
    record(call, run, workspace);
}

void Conv2d::forward(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                     TensorView dst, Workspace& workspace) const {
    impl().forward("Conv2d::forward", src, weights, bias, workspace, dst);
}

void Conv2d::forward_relu(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                          TensorView dst, MaskView dst_mask, Workspace& workspace) const {
    const char* function = "Conv2d::forward_relu";
    detail::check_mask(function, "dst_mask", dst_mask, impl().shape.dst());
    impl().forward(function, src, weights, bias, workspace, dst, dst_mask);
}

void Conv2d::backward_data(SparseInput diff_dst, const PackedWeights& weights, TensorView diff_src,
                           Workspace& workspace, ConstMaskView relu_mask) const {
    const char* function = "Conv2d::backward_data";
    const VerboseCall call(impl().verbose);
    const ConvShape& shape = impl().shape;
    const LayerClass& layer_class = impl().layer_class;
    if (!layer_class.info.backward_data) {
        throw Error(ErrorCode::unsupported,
                    std::string(function) + ": expected a layer class with a pass bwd_data, given " +
                        layer_class.info.name +
                        ", which is for a network's first layer: fwd and bwd_weights");
    }
    detail::check_sparse(function, "diff_dst", diff_dst, shape.dst());
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_tensor(function, "diff_src", diff_src, shape.src);
    if (relu_mask) detail::check_mask(function, "relu_mask", relu_mask, shape.src);
    detail::check_apart(function, {{"diff_src", diff_src}},
                        {{"diff_dst", diff_dst.tensor},
                         {"diff_dst mask", diff_dst.mask},
                         {"weights", weights.master()},
                         {"relu_mask", relu_mask}});
    if (!relu_mask && impl().policy == Policy::output_mask)
        detail::throw_invalid(function, "relu_mask", "a mask, as the plan's policy is output_mask", "none");

    std::vector<detail::Candidate> candidates = {
        {Kernel::zero_skip, Operand::diff_dst, detail::observe_zeros(diff_dst),
         layer_class.bwd_data.zero_skip_crossover(shape.k, shape.src.c)}};
    if (relu_mask) {
        candidates.push_back({Kernel::output_mask, Operand::src, detail::observe_zeros(relu_mask),
                              layer_class.output_mask.row.crossover.at(shape.k)});
    }
    const RunStatistics run = impl().decide(Pass::bwd_data, candidates, workspace);
    const Shape in = impl().kernel_shape.dst(), out = impl().kernel_shape.src;
    const detail::Convolution backward = {function, Pass::bwd_data,    with_shape(diff_dst.tensor, in),
                                          out,      shape.padding.top, shape.padding.left};
    const ConstMaskView out_mask = with_shape(relu_mask, out);
    TensorBuffer result(with_shape(diff_src, out));
    BiasBuffer no_bias({}, shape.src.c);
    if (run.kernel == Kernel::output_mask) {
        detail::convolve_by_mask(backward, layer_class, weights, out_mask, workspace, result);
        if (detail::has_padding_bits(relu_mask)) detail::clear_padding_lanes(function, diff_src, workspace);
    } else if (relu_mask) {
        detail::convolve(backward, layer_class, run.kernel, weights, no_bias, workspace,
                         detail::MaskBuffer(out_mask), result);
    } else {
        detail::convolve(backward, layer_class, run.kernel, weights, no_bias, workspace, result);
    }
    impl().record(call, run, workspace);
}

void Conv2d::backward_weights(SparseInput src, SparseInput diff_dst, WeightsView diff_weights,
                              std::span<float> diff_bias, Workspace& workspace) const {
    const char* function = "Conv2d::backward_weights";
    const VerboseCall call(impl().verbose);
    const ConvShape& shape = impl().shape;
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_sparse(function, "diff_dst", diff_dst, shape.dst());
    detail::check_weights(function, "diff_weights", diff_weights, shape.weights());
    check_bias(function, "diff_bias", shape.k, diff_bias);
    detail::check_apart(function, {{"diff_weights", diff_weights}, {"diff_bias", diff_bias}},
                        {{"src", src.tensor},
                         {"src mask", src.mask},
                         {"diff_dst", diff_dst.tensor},
                         {"diff_dst mask", diff_dst.mask}});

    const LayerClass& layer_class = impl().layer_class;
    const schedules::PixelScanRow& row = layer_class.bwd_weights_row;
    const bool narrow = shape.src.n > 1 && shape.src.w <= schedules::kNarrowWidth;
    const auto crossover = [&](int channels) {
        return narrow ? row.narrow_crossover : row.crossover.at(channels);
    };
    const detail::Candidate candidates[] = {
        {Kernel::zero_skip, Operand::src, detail::observe_zeros(src), crossover(shape.src.c)},
        {Kernel::zero_skip, Operand::diff_dst, detail::observe_zeros(diff_dst), crossover(shape.k)}};
    const RunStatistics run = impl().decide(Pass::bwd_weights, candidates, workspace);
    const ConvShape& kernel_shape = impl().kernel_shape;
    TensorBuffer src_buffer(with_shape(src.tensor, kernel_shape.src)),
        diff_dst_buffer(with_shape(diff_dst.tensor, kernel_shape.dst()));
    detail::WeightsBuffer result(diff_weights);
    if (run.kernel == Kernel::dense) {
        call_pipeline(function, layer_class.bwd_weights_dense, workspace, src_buffer, diff_dst_buffer,
                      shape.padding.top, shape.padding.left, result);
    } else {
        detail::backward_weights_zero_skip(kernel_shape, layer_class, run.skipped, src_buffer,
                                           diff_dst_buffer, result, workspace);
    }
    detail::clear_padding_lanes(function, diff_weights, workspace);
    if (!diff_bias.empty()) {
        BiasBuffer sums({}, shape.k);
        call_pipeline(function, sparsetrain_channel_sum_f32, workspace, diff_dst_buffer, sums);
        std::copy_n(sums.values(), diff_bias.size(), diff_bias.begin());
    }
    impl().record(call, run, workspace);
}

}  // namespace sparsetrain
