#include "train/operators/convolution.h"

#include <chrono>
#include <string>
#include <utility>

#include "checks.h"
#include "sparsetrain/linear.h"

namespace sparsetrain::train {

namespace {

ConvShape shape_of(const ValueShape& src, const ConvolutionOptions& options, int images) {
    return {.src = src.of(images),
            .k = options.k,
            .filter_h = options.filter,
            .filter_w = options.filter,
            .stride = options.stride,
            .padding = {options.padding, options.padding, options.padding, options.padding}};
}

ValueType result_of(const ValueShape& src, const ConvolutionOptions& options) {
    detail::check_at_least("Convolution", "stride", 1, options.stride);
    const Shape dst = shape_of(src, options, 1).dst();
    ValueShape shape{dst.c, dst.h, dst.w};
    if (src.images_are_pixels) shape = {dst.c, 1, 1, true};
    return {shape, options.has_relu, options.has_relu};
}

ConvolutionOptions options_of(ConvolutionOptions options, const Value& src,
                              const std::optional<ValueShape>& images) {
    // Where no ReLU is before it there are no results to leave out.
    if (options.kernels.policy == Policy::output_mask && !src.type.rectified)
        options.kernels.policy = Policy::dense;
    if (!images) return options;
    if (const int features = picture_of_features(images->of(1)).c; features != src.type.shape.c)
        detail::throw_invalid("Convolution", "images",
                              "images of " + std::to_string(src.type.shape.c) + " features",
                              detail::to_text(images->of(1)));
    options.filter = options.stride = 1;
    options.padding = 0;
    return options;
}

Parameter weight_of(const std::string& name, const ValueShape& src, const ConvolutionOptions& options,
                    const std::optional<ValueShape>& images) {
    const std::int64_t k = options.k, size = options.filter;
    if (!images)
        return {name + ".weight",
                {k, src.c, size, size},
                {options.k, src.c, options.filter, options.filter},
                options.weights};
    return {name + ".weight",
            {k, std::int64_t{images->c} * images->h * images->w},
            {options.k, images->c, images->h, images->w},
            options.weights};
}

Work work_of(Pass pass) {
    switch (pass) {
        case Pass::fwd:
            return Work::convolution_fwd;
        case Pass::bwd_data:
            return Work::convolution_bwd_data;
        case Pass::bwd_weights:
            break;
    }
    return Work::convolution_bwd_weights;
}

}  // namespace

Convolution::Convolution(const std::string& name, const Value& src, const ConvolutionOptions& options,
                         const std::optional<ValueShape>& images)
    : Operator(name, result_of(src.type.shape, options_of(options, src, images))),
      src_(src.type.shape),
      options_(options_of(options, src, images)),
      is_linear_(images),
      weight_(weight_of(name, src.type.shape, options_, images)),
      bias_(Parameter::vector(name + ".bias", options.k, options.bias)) {
    bias_.decayed = false;
    plan(1);  // throws for what is no convolution
}

std::vector<Parameter*> Convolution::parameters() {
    if (!options_.has_bias) return {&weight_};
    return {&weight_, &bias_};
}

void Convolution::parameters_allocated() {
    keep_packed(weights());
}

ConvShape Convolution::shape(int images) const {
    return shape_of(src_, options_, images);
}

const Conv2d& Convolution::plan(int images) const {
    const auto found = plans_.find(images);
    if (found != plans_.end()) return found->second;
    const KernelOptions& kernels = options_.kernels;
    return plans_.try_emplace(images, shape(images), kernels.policy, kernels.choice).first->second;
}

// Groups and chunks of channels are rounded up: to 64 by the widest.
std::size_t Convolution::packed_bytes() const {
    const auto rounded = [](int channels) { return static_cast<std::size_t>((channels + 63) / 64) * 64; };
    const WeightsShape shape = this->shape(1).weights();
    return rounded(shape.k) * rounded(shape.c) * static_cast<std::size_t>(shape.r * shape.s) * sizeof(float);
}

ConstWeightsView Convolution::weights() const {
    return {weight_.value.data(), shape(1).weights()};
}

std::span<const float> Convolution::bias() const {
    if (!options_.has_bias) return {};
    return {bias_.value.data(), static_cast<std::size_t>(options_.k)};
}

std::span<float> Convolution::diff_bias() {
    if (!options_.has_bias) return {};
    return {bias_.gradient.data(), static_cast<std::size_t>(options_.k)};
}

void Convolution::run(PassCall call, const RunContext& context) {
    PassRun& run = runs_[static_cast<std::size_t>(call.pass)];
    const auto start = std::chrono::steady_clock::now();
    {
        const ScopedTime time(is_linear_ ? nullptr : context.times, work_of(call.pass));
        run.statistics = call.run(plan(context.images));
    }
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    run.ran = true;
    call.statistics = run.statistics;
    if (context.watch != nullptr) context.watch->passed(*this, call);
}

void Convolution::forward(const ForwardCall& call) {
    forward(call, bias(), options_.has_relu);
}

void Convolution::forward(const ForwardCall& call, std::span<const float> bias, bool with_relu) {
    const SparseInput src = call.srcs[0];
    const auto pass = [&](const Conv2d& plan) {
        Workspace& workspace = call.context.workspace;
        if (with_relu) return plan.forward_relu(src, *packed_, bias, call.dst, call.dst_mask, workspace);
        return plan.forward(src, *packed_, bias, call.dst, workspace);
    };
    if (call.context.mode == Mode::inference) {
        pass(plan(call.context.images));
    } else {
        run({Pass::fwd, src, {}, call.dst, {}, {}, pass}, call.context);
    }
}

void Convolution::backward(const BackwardCall& call) {
    backward(call, diff_bias());
}

void Convolution::backward(const BackwardCall& call, std::span<float> diff_bias) {
    Workspace& workspace = call.context.workspace;
    const SparseInput src = call.srcs[0];
    run({Pass::bwd_weights,
         src,
         call.diff_dst,
         {},
         {},
         {},
         [&](const Conv2d& plan) {
             return plan.backward_weights(src, call.diff_dst, diff_weights(), diff_bias, workspace);
         }},
        call.context);
    const TensorView diff_src = call.diff_srcs[0].tensor;
    if (diff_src.data == nullptr) return;
    const ConstMaskView relu_mask = call.srcs[0].relu_mask();
    run({Pass::bwd_data,
         {},
         call.diff_dst,
         diff_src,
         relu_mask,
         {},
         [&](const Conv2d& plan) {
             return plan.backward_data(call.diff_dst, *packed_, diff_src, workspace, relu_mask);
         }},
        call.context);
}

}  // namespace sparsetrain::train
