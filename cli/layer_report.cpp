#include "cli/layer_report.h"

#include <algorithm>
#include <array>

#include "cli/clock.h"

namespace sparsetrain::cli {
namespace {

constexpr std::size_t kRepetitions = 7;

using Times = std::array<double, kRepetitions>;

double median_ms(Times times) {
    std::ranges::sort(times);
    return 1e3 * times[kRepetitions / 2];
}

clockid_t replay_clock(int threads) {
    return threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
}

class Replay : public train::ConvolutionWatch {
  public:
    explicit Replay(int threads) : clock_(replay_clock(threads)) {}

    // Passes of a convolution come fwd first, then bwd_weights and bwd_data of all in reverse.
    void passed(const train::Convolution& convolution, const train::PassCall& call) override {
        if (convolution.is_linear()) return;
        const ConvShape& shape = convolution.plan(images_of(call)).shape();
        LayerReport& layer = layer_of(convolution.name(), shape);
        if (call.pass == Pass::fwd) layer.zeros_src = percentage_of_zeros(call.src->tensor);
        if (call.pass == Pass::bwd_weights) layer.zeros_diff_dst = percentage_of_zeros(call.diff_dst->tensor);
        layer.passes.push_back(replay(call, shape));
    }

    std::vector<LayerReport> layers() && {
        for (LayerReport& layer : layers_) std::ranges::sort(layer.passes, {}, &PassReport::pass);
        return std::move(layers_);
    }

  private:
    static int images_of(const train::PassCall& call) {
        return (call.src ? call.src : call.diff_dst)->tensor.shape.n;
    }

    LayerReport& layer_of(const std::string& name, const ConvShape& shape) {
        const auto found = std::ranges::find(layers_, name, &LayerReport::name);
        if (found != layers_.end()) return *found;
        return layers_.emplace_back(LayerReport{name, shape, 0, 0, {}});
    }

    double seconds(const train::PassCall& call, const Conv2d& plan) const {
        const double start = read_clock(clock_);
        call.run(plan);
        return read_clock(clock_) - start;
    }

    PassReport replay(const train::PassCall& call, const ConvShape& shape) const {
        const RunStatistics& run = call.statistics;
        // A fixed policy: `auto` would choose anew, without what it has learned.
        const Conv2d chosen(shape, policy_of(run.kernel)), dense(shape, Policy::dense);
        // The first call of each allocates scratch memory.
        call.run(dense);
        call.run(chosen);
        Times chosen_times{}, dense_times{};
        for (std::size_t i = 0; i < kRepetitions; ++i) {
            chosen_times[i] = seconds(call, chosen);
            dense_times[i] = seconds(call, dense);
        }
        return {call.pass, run.kernel, run.skipped, median_ms(chosen_times), median_ms(dense_times),
                run.skips};
    }

    clockid_t clock_;
    std::vector<LayerReport> layers_;
};

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

std::vector<LayerReport> replay_step(train::Network& network, std::span<const float> images,
                                     const train::StepTargets& targets) {
    Replay replay(network.threads());
    network.compute_gradients(images, targets, &replay);
    return std::move(replay).layers();
}

const char* replay_clock_name(int threads) {
    return threads == 1 ? "thread CPU time" : "wall time";
}

}  // namespace sparsetrain::cli
