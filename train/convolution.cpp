#include "train/convolution.h"

#include <chrono>
#include <utility>

#include "train/initialise.h"

namespace sparsetrain::train {

namespace {

std::size_t padded(int channels) {
    return static_cast<std::size_t>(channel_blocks(channels)) * kLanes;
}

std::span<float> values_of(AlignedArray<float>& bias, const ConvShape& shape) {
    return {bias.data(), static_cast<std::size_t>(shape.k)};
}

}  // namespace

Convolution::Convolution(std::string name, const ConvShape& shape, KernelOptions kernels, Activate activate,
                         Random& random)
    : Operator(std::move(name)),
      plan_(shape, kernels.policy, kernels.choice),
      activate_(activate),
      weights_(shape.weights()),
      diff_weights_(shape.weights()),
      weights_momentum_(shape.weights()),
      bias_(padded(shape.k)),
      diff_bias_(padded(shape.k)),
      bias_momentum_(padded(shape.k)),
      packed_(weights_.view()),
      dst_(shape.dst()) {
    std::size_t fan_in = 1;
    for (const int size : {shape.src.c, shape.filter_h, shape.filter_w})
        fan_in *= static_cast<std::size_t>(size);
    fill_uniform(weights_, Random::he_bound(fan_in), random);
    if (activate_ == Activate::relu) {
        dst_mask_ = Mask(shape.dst());
        relu_gradient_ = ReluGradient(shape.dst());
    }
}

std::span<const float> Convolution::bias() const {
    return {bias_.data(), static_cast<std::size_t>(plan_.shape().k)};
}

template <typename Call>
void Convolution::timed(Pass pass, Call call) {
    const auto start = std::chrono::steady_clock::now();
    const RunStatistics statistics = call();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    step_.passes[static_cast<std::size_t>(pass)] = {elapsed.count(), statistics};
}

Activation Convolution::forward(std::span<const Activation> srcs, RunContext context) {
    Workspace& workspace = context.workspace;
    Activation dst{dst_.view(), {}};
    if (activate_ == Activate::relu) dst = {dst_.view(), dst_mask_.view(), true};
    const auto run = [&] {
        if (activate_ == Activate::relu)
            return plan_.forward_relu(srcs[0], packed_, bias(), dst_.view(), dst_mask_.view(), workspace);
        return plan_.forward(srcs[0], packed_, bias(), dst_.view(), workspace);
    };
    if (context.mode == Mode::inference) {
        run();
    } else {
        timed(Pass::fwd, run);
        step_.src = srcs[0];
        step_.dst = dst;
    }
    return dst;
}

void Convolution::backward(const Activation& diff_dst, std::span<Activation> diff_srcs, RunContext context) {
    Workspace& workspace = context.workspace;
    step_.diff_dst = activate_ == Activate::relu
                         ? relu_gradient_.compute(diff_dst, dst_mask_.view(), workspace)
                         : diff_dst;
    timed(Pass::bwd_weights, [&] {
        return plan_.backward_weights(step_.src, step_.diff_dst, diff_weights_.view(),
                                      values_of(diff_bias_, plan_.shape()), workspace);
    });
    if (diff_srcs.empty()) return;
    if (diff_src_.shape() != plan_.shape().src) diff_src_ = Tensor(plan_.shape().src);
    timed(Pass::bwd_data, [&] {
        return plan_.backward_data(step_.diff_dst, packed_, diff_src_.view(), workspace,
                                   step_.src.relu_mask());
    });
    step_.diff_src = diff_src_.view();
    diff_srcs[0] = {diff_src_.view(), step_.src.relu_mask(), step_.src.rectified};
}

// Weights are packed for up to two kernels of each pass that reads them.
std::size_t Convolution::bytes() const {
    constexpr std::size_t kPackings = 4;
    return (1 + kPackings) * bytes_of(weights_.values()) +
           bytes_of(diff_weights_.values(), weights_momentum_.values(), bias_, diff_bias_, bias_momentum_,
                    dst_.values(), dst_mask_.words()) +
           relu_gradient_.bytes() + plan_.shape().src.elements() * sizeof(float);
}

std::vector<Parameter> Convolution::parameters() {
    return {
        {name() + ".weights", weights_.values(), diff_weights_.values(), weights_momentum_.values(), true},
        {name() + ".bias", bias_, diff_bias_, bias_momentum_, false}};
}

}  // namespace sparsetrain::train
