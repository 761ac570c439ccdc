#include "sparsetrain/conv2d.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "checks.h"
#include "conv_class.h"
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
        case Policy::output_mask:
            return "output_mask";
    }
    return "?";
}

Policy policy_from_string(const char* word) {
    const char* expected = "auto, dense, zero_skip or output_mask";
    if (word == nullptr) detail::throw_invalid("policy_from_string", "word", expected, "a null pointer");
    for (const Policy policy : {Policy::automatic, Policy::dense, Policy::zero_skip, Policy::output_mask}) {
        if (std::strcmp(word, to_string(policy)) == 0) return policy;
    }
    detail::throw_invalid("policy_from_string", "word", expected, word);
}

namespace {
std::atomic<unsigned long> next_plan{1};

}  // namespace

class Conv2d::Impl {
  public:
    Impl(const ConvShape& conv_shape, Policy conv_policy)
        : shape(conv_shape),
          policy(conv_policy),
          layer_class(detail::find_class_of(conv_shape)),
          id(next_plan++) {}

    RunStatistics decide(Pass pass, std::span<const detail::Candidate> candidates,
                         Workspace& workspace) const;
    void record(const RunStatistics& run, Workspace& workspace) const;
    template <typename... Outputs>
    void forward(const char* function, const SparseInput& src, const PackedWeights& weights,
                 std::span<const float> bias, Workspace& workspace, TensorView dst,
                 Outputs&&... outputs) const;
    void backward_weights_zero_skip(Operand skipped, TensorBuffer& src, TensorBuffer& diff_dst,
                                    detail::WeightsBuffer& diff_weights, Workspace& workspace) const;

    const ConvShape shape;
    const Policy policy;
    const LayerClass& layer_class;
    const unsigned long id;
};

// Which kernel runs, of dense and the candidates (at least one).
RunStatistics Conv2d::Impl::decide(Pass pass, std::span<const detail::Candidate> candidates,
                                   Workspace& workspace) const {
    const detail::Candidate& sparsest = detail::sparsest(candidates);
    const detail::Candidate* chosen = nullptr;
    if (policy == Policy::zero_skip || policy == Policy::output_mask) {
        chosen = &sparsest;
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

// How many images share a tile: as many as make row.pixels pixels, but not more than leave every thread one.
template <typename Row>
int images_per_tile(const Row& row, const Shape& out, const Workspace& workspace) {
    const int pixels = std::min(row.rows, out.h) * out.w;
    const int per_thread = (out.n + workspace.threads() - 1) / workspace.threads();
    return std::clamp(row.pixels / pixels, 1, per_thread);
}

// What fwd and bwd_data convolve: `in` to `out`, where the filter reaches `pad_top` rows above.
struct Convolution {
    const char* function;
    Pass pass;
    ConstTensorView in;
    Shape out;
    int pad_top, pad_left;
};

// By dense or zero_skip. Behind what all pipelines take come `buffers`: dst, or one of the forms of
// ConvMaskPipeline.
template <typename... Buffers>
void convolve(const Convolution& conv, const LayerClass& layer_class, Kernel kernel,
              const PackedWeights& weights, BiasBuffer& bias, Workspace& workspace, Buffers&&... buffers) {
    const detail::ConvKernels& kernels = layer_class.kernels(conv.pass);
    constexpr bool with_mask = sizeof...(Buffers) == 2;
    const float* packed = weights.impl().get(layer_class, conv.pass, kernel, workspace);
    TensorBuffer in(conv.in);
    if (kernel == Kernel::dense) {
        const WeightsShape& m = weights.master().shape;
        detail::WeightsBuffer oriented(
            ConstWeightsView{packed, conv.pass == Pass::fwd ? m : WeightsShape{m.c, m.k, m.r, m.s}});
        const auto run = [&](const auto& pipelines) {
            call_pipeline(conv.function, pipelines.for_images(conv.in.shape.w, conv.out.w, conv.pad_left),
                          workspace, in, oriented, bias, conv.pad_top, conv.pad_left, buffers...);
        };
        if constexpr (with_mask) {
            run(kernels.dense_with_mask);
        } else {
            run(kernels.dense);
        }
        return;
    }
    const detail::ScatterKernel& scatter = kernels.zero_skip_for(conv.in.shape.c, conv.out.c);
    detail::Buffer<4> oriented(
        packed, detail::packed_extents(scatter.row, layer_class.info, conv.in.shape.c, conv.out.c));
    const auto run = [&](auto pipeline) {
        call_pipeline(conv.function, pipeline, workspace, in, oriented, bias, conv.pad_top, conv.pad_left,
                      images_per_tile(scatter.row, conv.out, workspace), buffers...);
    };
    if constexpr (with_mask) {
        run(scatter.with_mask);
    } else {
        run(scatter.plain);
    }
}

// By output_mask.
void convolve_by_mask(const Convolution& conv, const LayerClass& layer_class, const PackedWeights& weights,
                      ConstMaskView relu_mask, Workspace& workspace, TensorBuffer&& out) {
    const detail::OutputMaskKernel& kernel = layer_class.output_mask;
    detail::Buffer<3> packed(weights.impl().get(layer_class, conv.pass, Kernel::output_mask, workspace),
                             detail::packed_extents(kernel.row, layer_class.info, weights.master().shape));
    TensorBuffer in(conv.in);
    detail::MaskBuffer mask(relu_mask);
    call_pipeline(conv.function, kernel.run, workspace, in, packed, mask, conv.pad_top, conv.pad_left,
                  images_per_tile(kernel.row, conv.out, workspace), out);
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

// fwd with or without ReLU, which has a mask behind dst.
template <typename... Outputs>
void Conv2d::Impl::forward(const char* function, const SparseInput& src, const PackedWeights& weights,
                           std::span<const float> bias, Workspace& workspace, TensorView dst,
                           Outputs&&... outputs) const {
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_bias(function, "bias", shape.k, bias);
    check_tensor(function, "dst", dst, shape.dst());

    const detail::Candidate by_src = {Kernel::zero_skip, Operand::src, detail::observe_zeros(src),
                                      layer_class.fwd.zero_skip_for(shape.src.c, shape.k).row.crossover};
    RunStatistics run = decide(Pass::fwd, {&by_src, 1}, workspace);
    if (policy == Policy::output_mask) run.kernel = Kernel::dense;
    BiasBuffer bias_buffer(bias, shape.k);
    convolve({function, Pass::fwd, src.tensor, shape.dst(), shape.padding.top, shape.padding.left},
             layer_class, run.kernel, weights, bias_buffer, workspace, TensorBuffer(dst), outputs...);
    record(run, workspace);
}

void Conv2d::forward(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                     TensorView dst, Workspace& workspace) const {
    impl_->forward("Conv2d::forward", src, weights, bias, workspace, dst);
}

void Conv2d::forward_relu(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                          TensorView dst, MaskView dst_mask, Workspace& workspace) const {
    const char* function = "Conv2d::forward_relu";
    detail::check_mask(function, "dst_mask", dst_mask, impl_->shape.dst());
    impl_->forward(function, src, weights, bias, workspace, dst, detail::MaskBuffer(dst_mask));
}

void Conv2d::backward_data(SparseInput diff_dst, const PackedWeights& weights, TensorView diff_src,
                           Workspace& workspace, ConstMaskView relu_mask) const {
    const char* function = "Conv2d::backward_data";
    const ConvShape& shape = impl_->shape;
    const LayerClass& layer_class = impl_->layer_class;
    detail::check_sparse(function, "diff_dst", diff_dst, shape.dst());
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_tensor(function, "diff_src", diff_src, shape.src);
    if (relu_mask) detail::check_mask(function, "relu_mask", relu_mask, shape.src);
    if (!relu_mask && impl_->policy == Policy::output_mask)
        detail::throw_invalid(function, "relu_mask", "a mask, as the plan's policy is output_mask", "none");

    std::vector<detail::Candidate> candidates;
    if (impl_->policy != Policy::output_mask) {
        candidates.push_back({Kernel::zero_skip, Operand::diff_dst, detail::observe_zeros(diff_dst),
                              layer_class.bwd_data.zero_skip_for(shape.k, shape.src.c).row.crossover});
    }
    if (relu_mask && impl_->policy != Policy::zero_skip) {
        candidates.push_back({Kernel::output_mask, Operand::src, detail::observe_zeros(relu_mask),
                              layer_class.output_mask.row.crossover});
    }
    const RunStatistics run = impl_->decide(Pass::bwd_data, candidates, workspace);
    // At stride 1 this is a forward convolution of diff_dst with the rotated filter, which reaches as far on
    // the other side.
    const Convolution rotated = {function,
                                 Pass::bwd_data,
                                 diff_dst.tensor,
                                 shape.src,
                                 shape.filter_h - 1 - shape.padding.top,
                                 shape.filter_w - 1 - shape.padding.left};
    BiasBuffer no_bias({}, shape.src.c);
    if (run.kernel == Kernel::output_mask) {
        convolve_by_mask(rotated, layer_class, weights, relu_mask, workspace, TensorBuffer(diff_src));
    } else if (relu_mask) {
        convolve(rotated, layer_class, run.kernel, weights, no_bias, workspace, detail::MaskBuffer(relu_mask),
                 TensorBuffer(diff_src));
    } else {
        convolve(rotated, layer_class, run.kernel, weights, no_bias, workspace, TensorBuffer(diff_src));
    }
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
    const schedules::PixelScanRow& row = layer_class.bwd_weights_row;
    const double crossover = shape.src.w <= schedules::kNarrowWidth ? row.narrow_crossover : row.crossover;
    const detail::Candidate candidates[] = {
        {Kernel::zero_skip, Operand::src, detail::observe_zeros(src), crossover},
        {Kernel::zero_skip, Operand::diff_dst, detail::observe_zeros(diff_dst), crossover}};
    RunStatistics run = impl_->decide(Pass::bwd_weights, candidates, workspace);
    if (impl_->policy == Policy::output_mask) run.kernel = Kernel::dense;
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
// Where sums are larger than that, as in deep layers with small images, threads share the channels alone. A
// thread's share is cut further where its sums would go to memory and back: what a core may hope for of L3 is
// no more.
void Conv2d::Impl::backward_weights_zero_skip(Operand skipped, TensorBuffer& src, TensorBuffer& diff_dst,
                                              detail::WeightsBuffer& diff_weights,
                                              Workspace& workspace) const {
    constexpr std::size_t kPartsBytes = std::size_t{256} << 20, kTaskBytes = std::size_t{5} << 20;
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
    const int share = pieces(chunks, pieces(workspace.threads(), parts));
    const int in_cache = std::max(1, static_cast<int>(kTaskBytes * chunks / (sums * sizeof(float))));
    const int chunks_per_task = pieces(share, pieces(share, in_cache));
    call_pipeline("Conv2d::backward_weights", layer_class.bwd_weights_zero_skip.for_operand(skipped),
                  workspace, src, diff_dst, shape.padding.top, shape.padding.left, images_per_part,
                  chunks_per_task, diff_weights);
}

}  // namespace sparsetrain
