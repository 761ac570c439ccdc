#include "train/operators/shifted_convolution.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "checks.h"

namespace sparsetrain::train {

ShiftedConvolution::ShiftedConvolution(const std::string& name, const Value& src,
                                       const ConvolutionOptions& options, ScalarParameters scalars,
                                       const std::optional<ValueShape>& images)
    : Convolution(name, src, options, images),
      scalars_(std::move(scalars)),
      taps_(tap_sums_size(shape(1))),
      all_bias_(static_cast<std::size_t>(options.k)) {
    if (options.has_bias && has_borders())
        detail::throw_invalid("ShiftedConvolution", "has_bias", "none beside padding", "one");
    // Features that only pad channels would be shifted, too.
    if (images && scalars_.before != nullptr && images->h * images->w > 1 && images->c % kLanes != 0)
        detail::throw_invalid("ShiftedConvolution", "images", "1x1, or whole blocks of 16 channels",
                              detail::to_text(images->of(1)));
}

std::vector<Parameter*> ShiftedConvolution::parameters() {
    std::vector<Parameter*> all = Convolution::parameters();
    for (const auto& scalar : {scalars_.before, scalars_.scale, scalars_.after})
        if (scalar != nullptr) all.push_back(scalar.get());
    return all;
}

std::size_t ShiftedConvolution::own_bytes() const {
    return scalars_.scale != nullptr ? shape(1).weights().elements() * sizeof(float) : 0;
}

void ShiftedConvolution::parameters_allocated() {
    if (scalars_.scale != nullptr) folded_ = Weights(shape(1).weights());
    keep_packed(scalars_.scale != nullptr ? folded_.view() : weights());
}

ConvScalars ShiftedConvolution::values() const {
    ConvScalars values;
    if (scalars_.before != nullptr) values.before = scalars_.before->value[0];
    if (scalars_.scale != nullptr) values.scale = scalars_.scale->value[0];
    if (scalars_.after != nullptr) values.after = scalars_.after->value[0];
    return values;
}

void ShiftedConvolution::forward(const ForwardCall& call) {
    RunContext& context = call.context;
    const ConvShape shape = this->shape(context.images);
    const std::span taps(taps_.data(), taps_.size());
    const std::span all_bias(all_bias_.data(), all_bias_.size());
    {
        const ScopedTime time(times_of_scalars(context), Work::join);
        fold_scalars(shape, weights(), values(), taps, folded_.view(), all_bias, context.workspace);
        std::transform(bias().begin(), bias().end(), all_bias.begin(), all_bias.begin(), std::plus<>());
    }
    if (context.mode == Mode::training)  // whose backward adds to them
        for (const auto& scalar : {scalars_.before, scalars_.scale, scalars_.after})
            if (scalar != nullptr) scalar->gradient[0] = 0;
    if (!has_borders()) {
        Convolution::forward(call, all_bias, options().has_relu);
        return;
    }
    Convolution::forward(call, {}, false);
    const ScopedTime time(times_of_scalars(context), Work::join);
    if (options().has_relu) {
        add_shift_relu(shape, taps, values(), call.dst, call.dst, call.dst_mask, context.workspace);
    } else {
        add_shift(shape, taps, values(), call.dst, call.dst, context.workspace);
    }
}

void ShiftedConvolution::backward(const BackwardCall& call) {
    Convolution::backward(call, diff_bias());
    const ScopedTime time(times_of_scalars(call.context), Work::join);
    const ConvScalars gradients =
        unfold_gradients(shape(call.context.images), weights(), {taps_.data(), taps_.size()}, values(),
                         call.diff_dst.tensor, diff_weights(), call.context.workspace);
    if (scalars_.before != nullptr) scalars_.before->gradient[0] += gradients.before;
    if (scalars_.scale != nullptr) scalars_.scale->gradient[0] += gradients.scale;
    if (scalars_.after != nullptr) scalars_.after->gradient[0] += gradients.after;
}

}  // namespace sparsetrain::train
