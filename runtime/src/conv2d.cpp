#include "sparsetrain/conv2d.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>

#include "checks.h"
#include "halide_interface.h"
#include "kernel_choice.h"
#include "layer_class.h"
#include "packed_weights_impl.h"
#include "sparsetrain_channel_sum_f32.h"
#include "workspace_impl.h"

namespace sparsetrain {

using detail::call_pipeline;
using detail::check_tensor;
using detail::LayerClass;
using detail::TensorBuffer;

const char* to_string(Policy policy) {
    switch (policy) {
        case Policy::automatic:
            return "auto";
        case Policy::dense:
            return "dense";
        case Policy::zero_skip:
            return "zero_skip";
    }
    return "?";
}

Policy policy_from_string(const char* word) {
    if (word == nullptr)
        detail::throw_invalid("policy_from_string", "word", "auto, dense or zero_skip", "a null pointer");
    for (const Policy policy : {Policy::automatic, Policy::dense, Policy::zero_skip}) {
        if (std::strcmp(word, to_string(policy)) == 0) return policy;
    }
    detail::throw_invalid("policy_from_string", "word", "auto, dense or zero_skip", word);
}

namespace {

std::string class_name(const ConvShape& shape) {
    return "conv" + std::to_string(shape.filter_h) + "x" + std::to_string(shape.filter_w) + "_stride" +
           std::to_string(shape.stride);
}

const LayerClass& find_class(const ConvShape& shape) {
    std::string linked;
    for (const LayerClass* candidate : detail::linked_layer_classes()) {
        const LayerClassInfo& info = candidate->info;
        if (info.filter_h == shape.filter_h && info.filter_w == shape.filter_w &&
            info.stride == shape.stride) {
            return *candidate;
        }
        linked += std::string(linked.empty() ? "" : ", ") + info.name;
    }
    throw Error(ErrorCode::unsupported,
                "Conv2d: expected a layer class that is linked (" + linked + "), given " + class_name(shape));
}

void check_padding(const char* side, int padding, int filter) {
    if (padding >= 0 && padding < filter) return;
    detail::throw_invalid("Conv2d", side, "from 0 to " + std::to_string(filter - 1), std::to_string(padding));
}

void check_window(const char* axis, int filter, int length, int before, int after) {
    if (filter <= length + before + after) return;
    detail::throw_invalid("Conv2d", axis, "at least the filter's " + std::to_string(filter) + " with padding",
                          std::to_string(length + before + after));
}

// The class before the padding: sums of sizes cannot overflow once the filter is a known one.
const LayerClass& checked_class(const ConvShape& shape) {
    detail::check_shape("Conv2d", "src", shape.src);
    detail::check_at_least("Conv2d", "k", 1, shape.k);
    detail::check_at_least("Conv2d", "filter_h", 1, shape.filter_h);
    detail::check_at_least("Conv2d", "filter_w", 1, shape.filter_w);
    detail::check_at_least("Conv2d", "stride", 1, shape.stride);
    const LayerClass& layer_class = find_class(shape);
    check_padding("padding.top", shape.padding.top, shape.filter_h);
    check_padding("padding.bottom", shape.padding.bottom, shape.filter_h);
    check_padding("padding.left", shape.padding.left, shape.filter_w);
    check_padding("padding.right", shape.padding.right, shape.filter_w);
    check_window("height of src", shape.filter_h, shape.src.h, shape.padding.top, shape.padding.bottom);
    check_window("width of src", shape.filter_w, shape.src.w, shape.padding.left, shape.padding.right);
    detail::check_shape("Conv2d", "dst", shape.dst());
    detail::check_shape("Conv2d", "weights", shape.weights());
    return layer_class;
}

std::atomic<unsigned long> next_plan{1};

}  // namespace

class Conv2d::Impl {
  public:
    Impl(const ConvShape& conv_shape, Policy conv_policy)
        : shape(conv_shape), policy(conv_policy), layer_class(checked_class(conv_shape)), id(next_plan++) {}

    RunStatistics decide(Pass pass, const SparseInput& operand, double crossover, Workspace& workspace) const;
    RunStatistics decide_weights(const SparseInput& src, const SparseInput& diff_dst,
                                 Workspace& workspace) const;
    RunStatistics choose(Pass pass, int channels, Operand skipped, double zeros, double crossover,
                         const Workspace::Impl::Choice* previous) const;
    const Workspace::Impl::Choice* last_choice(Pass pass, Workspace& workspace) const;
    void record(const RunStatistics& run, Workspace& workspace) const;
    template <typename Pipeline, typename... Mask>
    void forward(const char* function, const detail::DensePipelines<Pipeline>& dense, Pipeline zero_skip,
                 const SparseInput& src, const PackedWeights& weights, std::span<const float> bias,
                 TensorView dst, Workspace& workspace, Mask&... mask) const;
    void backward_weights_zero_skip(Operand skipped, TensorBuffer& src, TensorBuffer& diff_dst,
                                    detail::WeightsBuffer& diff_weights, Workspace& workspace) const;

    const ConvShape shape;
    const Policy policy;
    const LayerClass& layer_class;
    const unsigned long id;
};

// What `auto` did with this plan and pass before, or null.
const Workspace::Impl::Choice* Conv2d::Impl::last_choice(Pass pass, Workspace& workspace) const {
    const auto& choices = workspace.impl().last_choice;
    const auto found = choices.find({id, pass});
    return found == choices.end() ? nullptr : &found->second;
}

// Decides on the kernel from the zeros seen in the operand whose zeros may be skipped, which has `channels`.
RunStatistics Conv2d::Impl::choose(Pass pass, int channels, Operand skipped, double zeros, double crossover,
                                   const Workspace::Impl::Choice* previous) const {
    Kernel kernel = policy == Policy::zero_skip ? Kernel::zero_skip : Kernel::dense;
    // A first convolution's operand is mostly the padding of its few channels, which is no sparsity.
    if (policy == Policy::automatic && channels >= kLanes)
        kernel = detail::choose_kernel(zeros, crossover, previous == nullptr ? nullptr : &previous->kernel);
    return {pass, kernel, skipped, zeros};
}

// Observes zeros and decides on the kernel.
RunStatistics Conv2d::Impl::decide(Pass pass, const SparseInput& operand, double crossover,
                                   Workspace& workspace) const {
    const Operand skipped = pass == Pass::bwd_data ? Operand::diff_dst : Operand::src;
    return choose(pass, operand.tensor.shape.c, skipped, detail::observe_zeros(operand), crossover,
                  last_choice(pass, workspace));
}

// bwd_weights can skip the zeros of either operand. A first convolution stays dense by its src, however
// sparse its diff_dst.
RunStatistics Conv2d::Impl::decide_weights(const SparseInput& src, const SparseInput& diff_dst,
                                           Workspace& workspace) const {
    const Workspace::Impl::Choice* previous = last_choice(Pass::bwd_weights, workspace);
    const double zeros_src = detail::observe_zeros(src), zeros_diff_dst = detail::observe_zeros(diff_dst);
    const Operand skipped =
        detail::choose_operand(zeros_src, zeros_diff_dst, previous == nullptr ? nullptr : &previous->skipped);
    return choose(Pass::bwd_weights, src.tensor.shape.c, skipped,
                  skipped == Operand::src ? zeros_src : zeros_diff_dst, layer_class.bwd_weights_row.crossover,
                  previous);
}

// After the call, so that one that failed leaves no trace.
void Conv2d::Impl::record(const RunStatistics& run, Workspace& workspace) const {
    constexpr std::size_t kMostChoices = 4096;  // of plans long gone, too: a Workspace does not see them end
    Workspace::Impl& state = workspace.impl();
    state.last_run = run;
    if (policy != Policy::automatic) return;
    if (state.last_choice.size() >= kMostChoices) state.last_choice.clear();
    state.last_choice[{id, run.pass}] = {run.kernel, run.skipped};
}

namespace {

// Bias as the pipelines read it: whole blocks of 16, zero beyond the last channel.
class BiasBuffer {
  public:
    BiasBuffer(std::span<const float> bias, int channels)
        : values_(static_cast<std::size_t>(channel_blocks(channels)) * kLanes),
          buffer_(values_.data(), {kLanes, channel_blocks(channels)}) {
        std::copy(bias.begin(), bias.end(), values_.begin());
    }
    operator halide_buffer_t*() { return buffer_; }
    const float* values() const { return values_.data(); }

  private:
    AlignedArray<float> values_;
    detail::Buffer<2> buffer_;
};

// A bias is optional, and needs no alignment of its own.
void check_bias(const char* function, const char* argument, int channels, std::span<const float> bias) {
    if (bias.empty()) return;
    detail::check_count(function, argument, static_cast<std::size_t>(channels), bias.size());
    detail::check_pointer(function, argument, bias.data(), alignof(float));
}

// A kernel's weights for a pass that sweeps `channels_in` channels to `channels_out`, ready for its pipeline.
template <typename Run>
void with_weights(const LayerClass& layer_class, Pass pass, Kernel kernel, const PackedWeights& weights,
                  Workspace& workspace, const Run& run) {
    const float* values = weights.impl().get(layer_class, pass, kernel, workspace);
    const WeightsShape master = weights.master().shape;
    const bool forward = pass == Pass::fwd;
    const WeightsShape oriented = forward ? master : WeightsShape{master.c, master.k, master.r, master.s};
    if (kernel == Kernel::dense) {
        detail::WeightsBuffer buffer(ConstWeightsView{values, oriented});
        run(static_cast<halide_buffer_t*>(buffer));
        return;
    }
    const detail::ScatterPacking form(forward ? layer_class.fwd_row : layer_class.bwd_data_row,
                                      layer_class.info, oriented.c, oriented.k);
    detail::Buffer<4> buffer(values, {form.slab, form.filter_h, form.groups, form.chunks});
    run(static_cast<halide_buffer_t*>(buffer));
}

}  // namespace

Conv2d::Conv2d(const ConvShape& shape, Policy policy) : impl_(std::make_unique<Impl>(shape, policy)) {
    detail::require_supported_cpu();
}
Conv2d::~Conv2d() = default;
Conv2d::Conv2d(Conv2d&&) noexcept = default;
Conv2d& Conv2d::operator=(Conv2d&&) noexcept = default;

const ConvShape& Conv2d::shape() const {
    return impl_->shape;
}
Policy Conv2d::policy() const {
    return impl_->policy;
}
const char* Conv2d::layer_class() const {
    return impl_->layer_class.info.name;
}

// fwd with or without ReLU, which differ in their pipelines and in a mask behind dst.
template <typename Pipeline, typename... Mask>
void Conv2d::Impl::forward(const char* function, const detail::DensePipelines<Pipeline>& dense,
                           Pipeline zero_skip, const SparseInput& src, const PackedWeights& weights,
                           std::span<const float> bias, TensorView dst, Workspace& workspace,
                           Mask&... mask) const {
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_bias(function, "bias", shape.k, bias);
    check_tensor(function, "dst", dst, shape.dst());

    const RunStatistics run = decide(Pass::fwd, src, layer_class.fwd_row.crossover, workspace);
    TensorBuffer src_buffer(src.tensor), dst_buffer(dst);
    BiasBuffer bias_buffer(bias, shape.k);
    with_weights(layer_class, Pass::fwd, run.kernel, weights, workspace, [&](halide_buffer_t* packed) {
        call_pipeline(function, run.kernel == Kernel::dense ? dense.for_width(shape.dst().w) : zero_skip,
                      workspace, src_buffer, packed, bias_buffer, shape.padding.top, shape.padding.left,
                      dst_buffer, mask...);
    });
    record(run, workspace);
}

void Conv2d::forward(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                     TensorView dst, Workspace& workspace) const {
    const LayerClass& layer_class = impl_->layer_class;
    impl_->forward("Conv2d::forward", layer_class.fwd_dense, layer_class.fwd_zero_skip, src, weights, bias,
                   dst, workspace);
}

void Conv2d::forward_relu(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                          TensorView dst, MaskView dst_mask, Workspace& workspace) const {
    const char* function = "Conv2d::forward_relu";
    detail::check_mask(function, "dst_mask", dst_mask, impl_->shape.dst());
    detail::MaskBuffer mask_buffer(dst_mask);
    const LayerClass& layer_class = impl_->layer_class;
    impl_->forward(function, layer_class.fwd_relu_dense, layer_class.fwd_relu_zero_skip, src, weights, bias,
                   dst, workspace, mask_buffer);
}

void Conv2d::backward_data(SparseInput diff_dst, const PackedWeights& weights, TensorView diff_src,
                           Workspace& workspace, ConstMaskView relu_mask) const {
    const char* function = "Conv2d::backward_data";
    const ConvShape& shape = impl_->shape;
    if (relu_mask) {
        throw Error(
            ErrorCode::unsupported,
            std::string(function) + ": relu_mask: expected none, as output masking is not supported yet");
    }
    detail::check_sparse(function, "diff_dst", diff_dst, shape.dst());
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_tensor(function, "diff_src", diff_src, shape.src);

    const LayerClass& layer_class = impl_->layer_class;
    const RunStatistics run =
        impl_->decide(Pass::bwd_data, diff_dst, layer_class.bwd_data_row.crossover, workspace);
    TensorBuffer src_buffer(diff_dst.tensor), dst_buffer(diff_src);
    BiasBuffer no_bias({}, shape.src.c);
    // At stride 1 this is a forward convolution of diff_dst with the rotated filter, which reaches as far on
    // the other side.
    const int pad_top = shape.filter_h - 1 - shape.padding.top,
              pad_left = shape.filter_w - 1 - shape.padding.left;
    with_weights(layer_class, Pass::bwd_data, run.kernel, weights, workspace, [&](halide_buffer_t* packed) {
        call_pipeline(function,
                      run.kernel == Kernel::dense ? layer_class.bwd_data_dense.for_width(shape.src.w)
                                                  : layer_class.bwd_data_zero_skip,
                      workspace, src_buffer, packed, no_bias, pad_top, pad_left, dst_buffer);
    });
    impl_->record(run, workspace);
}

void Conv2d::backward_weights(SparseInput src, SparseInput diff_dst, WeightsView diff_weights,
                              std::span<float> diff_bias, Workspace& workspace) const {
    const char* function = "Conv2d::backward_weights";
    const ConvShape& shape = impl_->shape;
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_sparse(function, "diff_dst", diff_dst, shape.dst());
    detail::check_weights(function, "diff_weights", diff_weights, shape.weights());
    check_bias(function, "diff_bias", shape.k, diff_bias);

    const LayerClass& layer_class = impl_->layer_class;
    const RunStatistics run = impl_->decide_weights(src, diff_dst, workspace);
    TensorBuffer src_buffer(src.tensor), diff_dst_buffer(diff_dst.tensor);
    detail::WeightsBuffer result(diff_weights);
    if (run.kernel == Kernel::dense) {
        call_pipeline(function, layer_class.bwd_weights_dense, workspace, src_buffer, diff_dst_buffer,
                      shape.padding.top, shape.padding.left, result);
    } else {
        impl_->backward_weights_zero_skip(run.skipped, src_buffer, diff_dst_buffer, result, workspace);
    }
    if (!diff_bias.empty()) {
        BiasBuffer sums({}, shape.k);
        call_pipeline(function, sparsetrain_channel_sum_f32, workspace, diff_dst_buffer, sums);
        std::copy_n(sums.values(), diff_bias.size(), diff_bias.begin());
    }
    impl_->record(run, workspace);
}

// Threads share the batch, for which each needs sums of its own, as many as fit a budget; what remains shares
// the channels of the operand that is not scanned, for which each has to look at all of the scanned one.
// Where sums are larger than that, as in deep layers with small images, threads share the channels alone.
void Conv2d::Impl::backward_weights_zero_skip(Operand skipped, TensorBuffer& src, TensorBuffer& diff_dst,
                                              detail::WeightsBuffer& diff_weights,
                                              Workspace& workspace) const {
    constexpr std::size_t kPartsBytes = std::size_t{256} << 20;
    const auto pieces = [](int length, int size) { return (length + size - 1) / size; };
    const bool scans_src = skipped == Operand::src;
    const std::size_t sums = shape.weights().elements();
    const int chunks =
        pieces(channel_blocks(scans_src ? shape.k : shape.src.c), layer_class.bwd_weights_row.k_vectors);
    int parts = 1;
    if (chunks < workspace.threads() || sums <= (scans_src ? shape.src : shape.dst()).elements()) {
        const std::size_t affordable = kPartsBytes / (sums * sizeof(float));
        parts = std::min({workspace.threads(), shape.src.n,
                          static_cast<int>(std::clamp<std::size_t>(affordable, 1, 256))});
    }
    const int images_per_part = pieces(shape.src.n, parts);
    const int chunks_per_task = pieces(chunks, pieces(workspace.threads(), parts));
    call_pipeline("Conv2d::backward_weights", layer_class.bwd_weights_zero_skip.for_operand(skipped),
                  workspace, src, diff_dst, shape.padding.top, shape.padding.left, images_per_part,
                  chunks_per_task, diff_weights);
}

}  // namespace sparsetrain
