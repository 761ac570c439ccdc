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

void check_conv_shape(const ConvShape& shape) {
    detail::check_shape("Conv2d", "src", shape.src);
    detail::check_at_least("Conv2d", "k", 1, shape.k);
    detail::check_at_least("Conv2d", "filter_h", 1, shape.filter_h);
    detail::check_at_least("Conv2d", "filter_w", 1, shape.filter_w);
    detail::check_at_least("Conv2d", "stride", 1, shape.stride);
    check_padding("padding.top", shape.padding.top, shape.filter_h);
    check_padding("padding.bottom", shape.padding.bottom, shape.filter_h);
    check_padding("padding.left", shape.padding.left, shape.filter_w);
    check_padding("padding.right", shape.padding.right, shape.filter_w);
    check_window("height of src", shape.filter_h, shape.src.h, shape.padding.top, shape.padding.bottom);
    check_window("width of src", shape.filter_w, shape.src.w, shape.padding.left, shape.padding.right);
    detail::check_shape("Conv2d", "dst", shape.dst());
    detail::check_shape("Conv2d", "weights", shape.weights());
}

std::atomic<unsigned long> next_plan{1};

}  // namespace

class Conv2d::Impl {
  public:
    Impl(const ConvShape& conv_shape, Policy conv_policy)
        : shape(conv_shape), policy(conv_policy), layer_class(find_class(conv_shape)), id(next_plan++) {}

    Kernel begin(Pass pass, const SparseInput& operand, double crossover, Workspace& workspace) const;
    void backward_weights_zero_skip(TensorBuffer& src, TensorBuffer& diff_dst,
                                    detail::WeightsBuffer& diff_weights, Workspace& workspace) const;

    const ConvShape shape;
    const Policy policy;
    const LayerClass& layer_class;
    const unsigned long id;
};

// Observes zeros, decides on the kernel and records both.
Kernel Conv2d::Impl::begin(Pass pass, const SparseInput& operand, double crossover,
                           Workspace& workspace) const {
    Workspace::Impl& state = workspace.impl();
    const double zeros = detail::observe_zeros(operand);
    Kernel kernel = policy == Policy::zero_skip ? Kernel::zero_skip : Kernel::dense;
    // A first convolution's operand is mostly the padding of its few channels, which is no sparsity.
    if (policy == Policy::automatic && operand.tensor.shape.c >= kLanes) {
        const auto found = state.last_choice.find({id, pass});
        kernel = detail::choose_kernel(zeros, crossover,
                                       found == state.last_choice.end() ? nullptr : &found->second);
        state.last_choice[{id, pass}] = kernel;
    }
    state.last_run = {pass, kernel, zeros};
    return kernel;
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

void check_bias(const char* function, const char* argument, std::size_t channels, std::size_t given) {
    if (given != 0) detail::check_count(function, argument, channels, given);
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

Conv2d::Conv2d(const ConvShape& shape, Policy policy) {
    check_conv_shape(shape);
    if (!cpu_supported()) {
        throw Error(ErrorCode::unsupported,
                    "Conv2d: expected a CPU and operating system with AVX-512 F, CD, VL, DQ and BW; this one "
                    "lacks them");
    }
    impl_ = std::make_unique<Impl>(shape, policy);
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

void Conv2d::forward(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                     TensorView dst, Workspace& workspace) const {
    const char* function = "Conv2d::forward";
    const ConvShape& shape = impl_->shape;
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_bias(function, "bias", static_cast<std::size_t>(shape.k), bias.size());
    check_tensor(function, "dst", dst, shape.dst());

    const LayerClass& layer_class = impl_->layer_class;
    const Kernel kernel = impl_->begin(Pass::fwd, src, layer_class.fwd_row.crossover, workspace);
    TensorBuffer src_buffer(src.tensor), dst_buffer(dst);
    BiasBuffer bias_buffer(bias, shape.k);
    with_weights(layer_class, Pass::fwd, kernel, weights, workspace, [&](halide_buffer_t* packed) {
        call_pipeline(function,
                      kernel == Kernel::dense ? layer_class.fwd_dense.for_width(shape.dst().w)
                                              : layer_class.fwd_zero_skip,
                      workspace, src_buffer, packed, bias_buffer, shape.padding.top, shape.padding.left,
                      dst_buffer);
    });
}

void Conv2d::forward_relu(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                          TensorView dst, MaskView dst_mask, Workspace& workspace) const {
    const char* function = "Conv2d::forward_relu";
    const ConvShape& shape = impl_->shape;
    detail::check_sparse(function, "src", src, shape.src);
    detail::check_weights(function, "weights", weights.master(), shape.weights());
    check_bias(function, "bias", static_cast<std::size_t>(shape.k), bias.size());
    check_tensor(function, "dst", dst, shape.dst());
    detail::check_mask(function, "dst_mask", dst_mask, shape.dst());

    const LayerClass& layer_class = impl_->layer_class;
    const Kernel kernel = impl_->begin(Pass::fwd, src, layer_class.fwd_row.crossover, workspace);
    TensorBuffer src_buffer(src.tensor), dst_buffer(dst);
    detail::MaskBuffer mask_buffer(dst_mask);
    BiasBuffer bias_buffer(bias, shape.k);
    with_weights(layer_class, Pass::fwd, kernel, weights, workspace, [&](halide_buffer_t* packed) {
        call_pipeline(function,
                      kernel == Kernel::dense ? layer_class.fwd_relu_dense.for_width(shape.dst().w)
                                              : layer_class.fwd_relu_zero_skip,
                      workspace, src_buffer, packed, bias_buffer, shape.padding.top, shape.padding.left,
                      dst_buffer, mask_buffer);
    });
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
    const Kernel kernel =
        impl_->begin(Pass::bwd_data, diff_dst, layer_class.bwd_data_row.crossover, workspace);
    TensorBuffer src_buffer(diff_dst.tensor), dst_buffer(diff_src);
    BiasBuffer no_bias({}, shape.src.c);
    // At stride 1 this is a forward convolution of diff_dst with the rotated filter, which reaches as far on
    // the other side.
    const int pad_top = shape.filter_h - 1 - shape.padding.top,
              pad_left = shape.filter_w - 1 - shape.padding.left;
    with_weights(layer_class, Pass::bwd_data, kernel, weights, workspace, [&](halide_buffer_t* packed) {
        call_pipeline(function,
                      kernel == Kernel::dense ? layer_class.bwd_data_dense.for_width(shape.src.w)
                                              : layer_class.bwd_data_zero_skip,
                      workspace, src_buffer, packed, no_bias, pad_top, pad_left, dst_buffer);
    });
}

void Conv2d::backward_weights(SparseInput src, ConstTensorView diff_dst, WeightsView diff_weights,
                              std::span<float> diff_bias, Workspace& workspace) const {
    const char* function = "Conv2d::backward_weights";
    const ConvShape& shape = impl_->shape;
    detail::check_sparse(function, "src", src, shape.src);
    check_tensor(function, "diff_dst", diff_dst, shape.dst());
    detail::check_weights(function, "diff_weights", diff_weights, shape.weights());
    check_bias(function, "diff_bias", static_cast<std::size_t>(shape.k), diff_bias.size());

    const LayerClass& layer_class = impl_->layer_class;
    const Kernel kernel =
        impl_->begin(Pass::bwd_weights, src, layer_class.bwd_weights_row.crossover, workspace);
    TensorBuffer src_buffer(src.tensor), diff_dst_buffer(diff_dst);
    detail::WeightsBuffer result(diff_weights);
    if (kernel == Kernel::dense) {
        call_pipeline(function, layer_class.bwd_weights_dense, workspace, src_buffer, diff_dst_buffer,
                      shape.padding.top, shape.padding.left, result);
    } else {
        impl_->backward_weights_zero_skip(src_buffer, diff_dst_buffer, result, workspace);
    }
    if (!diff_bias.empty()) {
        BiasBuffer sums({}, shape.k);
        call_pipeline(function, sparsetrain_channel_sum_f32, workspace, diff_dst_buffer, sums);
        std::copy_n(sums.values(), diff_bias.size(), diff_bias.begin());
    }
}

// Threads share the batch first, as parts need no more than a sum at the end; what remains shares the output
// channels.
void Conv2d::Impl::backward_weights_zero_skip(TensorBuffer& src, TensorBuffer& diff_dst,
                                              detail::WeightsBuffer& diff_weights,
                                              Workspace& workspace) const {
    const auto pieces = [](int length, int size) { return (length + size - 1) / size; };
    const int parts = std::min(workspace.threads(), shape.src.n);
    const int images_per_part = pieces(shape.src.n, parts);
    const int chunks = pieces(channel_blocks(shape.k), layer_class.bwd_weights_row.k_vectors);
    const int chunks_per_task = pieces(chunks, pieces(workspace.threads(), parts));
    call_pipeline("Conv2d::backward_weights", layer_class.bwd_weights_zero_skip, workspace, src, diff_dst,
                  shape.padding.top, shape.padding.left, images_per_part, chunks_per_task, diff_weights);
}

}  // namespace sparsetrain
