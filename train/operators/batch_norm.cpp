#include "train/operators/batch_norm.h"

#include <algorithm>

#include "checks.h"

namespace sparsetrain::train {

namespace {

constexpr Initial kOnes{Initial::Kind::constant, 1}, kZeros{};

const ValueType& checked_src(const Value& src) {
    if (src.id == 0)
        detail::throw_invalid("BatchNormalisation", "src", "the result of an operator", "the images");
    return src.type;
}

const ValueType& checked_src(const Value& src, const Value& addend) {
    const ValueType& type = checked_src(src);
    if (addend.type.shape != type.shape)
        detail::throw_invalid("BatchNormalisation", "addend", detail::to_text(type.shape.of(1)),
                              detail::to_text(addend.type.shape.of(1)));
    return type;
}

}  // namespace

BatchNormalisation::BatchNormalisation(const std::string& name, const Value& src, bool has_relu)
    : BatchNormalisation(name, checked_src(src), has_relu ? Form::relu : Form::plain) {}

BatchNormalisation::BatchNormalisation(const std::string& name, const Value& src, const Value& addend)
    : BatchNormalisation(name, checked_src(src, addend), Form::add_relu) {}

BatchNormalisation::BatchNormalisation(const std::string& name, const ValueType& src, Form form)
    : Operator(name, {src.shape, form != Form::plain, form != Form::plain}),
      form_(form),
      channels_(src.shape.c),
      scale_(Parameter::vector(name + ".weight", channels_, kOnes)),
      shift_(Parameter::vector(name + ".bias", channels_, kZeros)),
      running_mean_(static_cast<std::size_t>(channels_)),
      running_variance_(static_cast<std::size_t>(channels_)),
      mean_(static_cast<std::size_t>(channels_)),
      variance_(static_cast<std::size_t>(channels_)) {
    std::ranges::fill(running_variance_, 1.0F);
    scale_.decayed = shift_.decayed = false;
}

// diff_dst comes with the ReLU's backward applied: as it is, it is the addend's gradient.
GradientType BatchNormalisation::gradient_type(int src) const {
    if (src == 1) return {.memory = GradientType::Memory::is_diff_dst};
    return {.memory =
                form_ == Form::add_relu ? GradientType::Memory::own : GradientType::Memory::own_or_diff_dst};
}

std::vector<State> BatchNormalisation::states() {
    const auto size = static_cast<std::size_t>(channels_);
    return {{name() + ".running_mean", {running_mean_.data(), size}},
            {name() + ".running_var", {running_variance_.data(), size}}};
}

std::vector<Counter> BatchNormalisation::counters() {
    return {{name() + ".num_batches_tracked", &batches_}};
}

BatchNorm BatchNormalisation::norm(Mode mode) const {
    const auto size = static_cast<std::size_t>(channels_);
    const auto channels = [&](const AlignedArray<float>& array) { return std::span(array.data(), size); };
    BatchNorm norm{};
    norm.scale = channels(scale_.value);
    norm.shift = channels(shift_.value);
    norm.epsilon = kEpsilon;
    if (mode == Mode::training) {
        norm.mean = channels(mean_);
        norm.variance = channels(variance_);
    } else {
        norm.mean = channels(running_mean_);
        norm.variance = channels(running_variance_);
        norm.statistics = BatchNorm::Statistics::constant;
    }
    return norm;
}

void BatchNormalisation::find_statistics(ConstTensorView src, const RunContext& context) {
    const auto all = [](AlignedArray<float>& array) { return std::span(array.data(), array.size()); };
    batch_statistics(src, all(mean_), all(variance_), context.workspace);
    const std::int64_t count = std::int64_t{src.shape.n} * src.shape.h * src.shape.w;
    if (!context.updates_state) return;
    update_running_statistics(all(mean_), all(variance_), count, kMomentum, all(running_mean_),
                              all(running_variance_));
    ++batches_;
}

void BatchNormalisation::forward(const ForwardCall& call) {
    Workspace& workspace = call.context.workspace;
    const ConstTensorView src = call.srcs[0].tensor;
    if (call.context.mode == Mode::training) find_statistics(src, call.context);
    const BatchNorm norm = this->norm(call.context.mode);
    switch (form_) {
        case Form::plain:
            batch_norm(src, norm, call.dst, workspace);
            break;
        case Form::relu:
            batch_norm_relu(src, norm, call.dst, call.dst_mask, workspace);
            break;
        case Form::add_relu:
            batch_norm_add_relu(src, norm, call.srcs[1].tensor, call.dst, call.dst_mask, workspace);
            break;
    }
}

void BatchNormalisation::backward(const BackwardCall& call) {
    const auto size = static_cast<std::size_t>(channels_);
    const BatchNormGradients gradients{{scale_.gradient.data(), size}, {shift_.gradient.data(), size}};
    batch_norm_backward(call.srcs[0].tensor, norm(Mode::training), call.diff_dst.tensor,
                        call.diff_srcs[0].tensor, gradients, call.context.workspace);
}

}  // namespace sparsetrain::train
