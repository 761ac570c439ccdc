#include "cli/layer_report.h"

#include <algorithm>
#include <array>

#include "cli/clock.h"

namespace sparsetrain::cli {
namespace {

constexpr std::size_t kRepetitions = 7;

// The inputs of one convolution's last step, and outputs to write to.
class LayerReplay {
  public:
    explicit LayerReplay(const train::Convolution& convolution)
        : convolution_(convolution),
          step_(convolution.last_step()),
          weights_(convolution.weights().master()),
          dst_(convolution.plan().shape().dst()),
          dst_mask_(dst_.shape()),
          diff_src_(convolution.plan().shape().src),
          diff_weights_(convolution.plan().shape().weights()),
          diff_bias_(static_cast<std::size_t>(channel_blocks(convolution.plan().shape().k) * kLanes)) {}

    // After a step of the optimiser, as in training: the call packs the weights anew.
    double seconds(Pass pass, const Conv2d& plan, Workspace& workspace, clockid_t clock) {
        weights_.mark_changed();
        const double start = read_clock(clock);
        last_run_ = run(pass, plan, workspace);
        return read_clock(clock) - start;
    }

    const RunStatistics& last_run() const { return last_run_; }

  private:
    RunStatistics run(Pass pass, const Conv2d& plan, Workspace& workspace) {
        switch (pass) {
            case Pass::fwd:
                return forward(plan, workspace);
            case Pass::bwd_data:
                return plan.backward_data(step_.diff_dst, weights_, diff_src_.view(), workspace,
                                          step_.src.relu_mask());
            case Pass::bwd_weights:
                break;
        }
        const auto k = static_cast<std::size_t>(plan.shape().k);
        return plan.backward_weights(step_.src, step_.diff_dst, diff_weights_.view(),
                                     std::span(diff_bias_.data(), k), workspace);
    }

    RunStatistics forward(const Conv2d& plan, Workspace& workspace) {
        if (step_.dst.mask)
            return plan.forward_relu(step_.src, weights_, convolution_.bias(), dst_.view(), dst_mask_.view(),
                                     workspace);
        return plan.forward(step_.src, weights_, convolution_.bias(), dst_.view(), workspace);
    }

    const train::Convolution& convolution_;
    const train::ConvolutionStep& step_;
    PackedWeights weights_;
    Tensor dst_;
    Mask dst_mask_;
    Tensor diff_src_;
    Weights diff_weights_;
    AlignedArray<float> diff_bias_;
    RunStatistics last_run_;
};

using Times = std::array<double, kRepetitions>;

double median_ms(Times times) {
    std::ranges::sort(times);
    return 1e3 * times[kRepetitions / 2];
}

PassReport replay_pass(LayerReplay& replay, Pass pass, const Conv2d& chosen, const Conv2d& dense,
                       Workspace& workspace) {
    const clockid_t clock = replay_clock(workspace.threads());
    // The first call of each allocates scratch memory.
    replay.seconds(pass, dense, workspace, clock);
    replay.seconds(pass, chosen, workspace, clock);
    const RunStatistics run = replay.last_run();
    Times chosen_times{}, dense_times{};
    for (std::size_t i = 0; i < kRepetitions; ++i) {
        chosen_times[i] = replay.seconds(pass, chosen, workspace, clock);
        dense_times[i] = replay.seconds(pass, dense, workspace, clock);
    }
    return {pass, run.kernel, run.skipped, median_ms(chosen_times), median_ms(dense_times), run.skips};
}

LayerReport replay_layer(const train::Convolution& convolution, Workspace& workspace) {
    const ConvShape& shape = convolution.plan().shape();
    const Conv2d dense(shape, Policy::dense);
    const train::ConvolutionStep& step = convolution.last_step();
    LayerReplay replay(convolution);
    LayerReport report{convolution.name(),
                       shape,
                       percentage_of_zeros(step.src.tensor),
                       percentage_of_zeros(step.diff_dst.tensor),
                       {}};
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
        if (pass == Pass::bwd_data && step.diff_src.data == nullptr) continue;
        // A fixed policy: `auto` would choose anew, without what it remembers of the training run's steps.
        const Conv2d chosen(shape, policy_of(step.run_of(pass).statistics.kernel));
        report.passes.push_back(replay_pass(replay, pass, chosen, dense, workspace));
    }
    return report;
}

}  // namespace

TotalReport total_of(const std::vector<LayerReport>& layers) {
    TotalReport total;
    for (const LayerReport& layer : layers) {
        if (!layer.counted()) continue;
        for (const PassReport& pass : layer.passes) {
            total.chosen_ms += pass.chosen_ms;
            total.dense_ms += pass.dense_ms;
        }
    }
    return total;
}

double percentage_of_zeros(ConstTensorView tensor) {
    const Shape shape = tensor.shape;
    const std::size_t stored = shape.elements();
    // Integers of the width of a float, in runs that fit them, let the compiler count in vectors.
    std::size_t zeros = 0;
    constexpr std::size_t run = 1U << 20U;
    for (std::size_t first = 0; first < stored; first += run) {
        std::uint32_t zeros_of_run = 0;
        for (std::size_t i = first; i < std::min(stored, first + run); ++i)
            zeros_of_run += tensor.data[i] == 0.0F;
        zeros += zeros_of_run;
    }
    const std::size_t values = stored / static_cast<std::size_t>(channel_blocks(shape.c) * kLanes) *
                               static_cast<std::size_t>(shape.c);
    const std::size_t padding = stored - values;  // zeros, all of it
    return 100.0 * static_cast<double>(zeros - padding) / static_cast<double>(values);
}

std::vector<LayerReport> replay_last_step(const train::Network& network) {
    Workspace workspace(network.threads());
    std::vector<LayerReport> layers;
    for (const train::Convolution* convolution : network.convolutions())
        layers.push_back(replay_layer(*convolution, workspace));
    return layers;
}

std::size_t replay_bytes(const train::Network& network) {
    std::size_t most = 0;
    for (const train::Convolution* convolution : network.convolutions()) {
        const ConvShape& shape = convolution->plan().shape();
        most = std::max(most, sizeof(float) * (shape.src.elements() + shape.dst().elements()));
    }
    return most;
}

clockid_t replay_clock(int threads) {
    return threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
}

const char* replay_clock_name(int threads) {
    return threads == 1 ? "thread CPU time" : "wall time";
}

}  // namespace sparsetrain::cli
