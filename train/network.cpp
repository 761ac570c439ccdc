#include "train/network.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "checks.h"
#include "sparsetrain/layout.h"

namespace sparsetrain::train {

namespace {

Shape logits_shape(const Shape& input, const Network::Operators& operators) {
    detail::check_shape("Network", "input", input);
    if (operators.empty()) detail::throw_invalid("Network", "operators", "at least one", "none");
    const Shape logits = operators.back()->dst_shape();
    if (logits != Shape{input.n, logits.c, 1, 1})
        detail::throw_invalid("Network", "logits", detail::to_text(Shape{input.n, logits.c, 1, 1}),
                              detail::to_text(logits));
    return logits;
}

}  // namespace

Network::Network(Shape input, Operators operators, int threads)
    : operators_(std::move(operators)),
      workspace_(threads),
      src_(input),
      diff_logits_(logits_shape(input, operators_)) {
    for (const auto& op : operators_) {
        if (const auto* convolution = dynamic_cast<const Convolution*>(op.get()))
            convolutions_.push_back(convolution);
        std::ranges::move(op->parameters(), std::back_inserter(parameters_));
    }
}

LossResult Network::train_step(std::span<const float> images, std::span<const std::int32_t> labels,
                               const Sgd& sgd) {
    detail::check_count("Network::train_step", "labels", static_cast<std::size_t>(src_.shape().n),
                        labels.size());
    const Activation logits = forward(images, labels.size(), Mode::training);
    const LossResult result =
        softmax_cross_entropy(logits.tensor, {.labels = labels}, diff_logits_.view(), workspace_);
    backward();
    update(sgd);
    return result;
}

LossResult Network::evaluate(std::span<const float> images, std::span<const std::int32_t> labels) {
    const int count = static_cast<int>(labels.size());
    if (count < 1 || count > src_.shape().n)
        detail::throw_invalid("Network::evaluate", "labels", "1 to " + std::to_string(src_.shape().n),
                              std::to_string(labels.size()));
    // Operators run on whole batches; what an earlier batch left behind the last image is not counted.
    ConstTensorView logits = forward(images, labels.size(), Mode::inference).tensor;
    TensorView diff_logits = diff_logits_.view();
    logits.shape.n = diff_logits.shape.n = count;
    return softmax_cross_entropy(logits, {.labels = labels}, diff_logits, workspace_);
}

std::size_t Network::bytes() const {
    std::size_t bytes = bytes_of(src_.values(), diff_logits_.values());
    for (const auto& op : operators_) bytes += op->bytes();
    return bytes;
}

Activation Network::forward(std::span<const float> images, std::size_t count, Mode mode) {
    TensorView src = src_.view();
    std::size_t values = count;
    for (const int size : {src.shape.c, src.shape.h, src.shape.w}) values *= static_cast<std::size_t>(size);
    detail::check_count("Network", "images", values, images.size());
    src.shape.n = static_cast<int>(count);
    nchw_to_nchw16c(images.data(), src, workspace_);

    Activation activation{src_.view(), {}};
    for (const auto& op : operators_) activation = op->forward({&activation, 1}, {workspace_, mode});
    return activation;
}

void Network::backward() {
    Activation diff{diff_logits_.view(), {}};
    for (auto op = operators_.rbegin(); op != operators_.rend(); ++op) {
        const bool first = std::next(op) == operators_.rend();
        Activation diff_src;
        (*op)->backward(diff, std::span(&diff_src, first ? 0U : 1U), {workspace_, Mode::training});
        diff = diff_src;
    }
}

void Network::update(const Sgd& sgd) {
    for (const Parameter& parameter : parameters_) {
        Sgd own = sgd;
        if (!parameter.decayed) own.weight_decay = 0;
        sgd_step(parameter.value, parameter.gradient, parameter.momentum, own, workspace_);
    }
    for (const auto& op : operators_) op->parameters_changed();
}

}  // namespace sparsetrain::train
