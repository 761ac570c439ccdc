#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace sparsetrain::cli {
namespace {

// Weight of the newest batch in the loss that is shown: single batches jump too much to read.
constexpr double kNewest = 0.1;

std::string format_numbers(const ProgressState& state) {
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(), "%d/%d  loss %.3f  %.0f images/s  ETA %s", state.step,
                  state.steps, state.loss, state.images_per_second,
                  format_duration(state.seconds_left).c_str());
    return text.data();
}

}  // namespace

std::string format_duration(double seconds) {
    const auto whole = std::llround(std::clamp(seconds, 0.0, 1e9));
    std::array<char, 48> text{};
    if (whole < 3600)
        std::snprintf(text.data(), text.size(), "%lld:%02lld", whole / 60, whole % 60);
    else
        std::snprintf(text.data(), text.size(), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                      whole % 60);
    return text.data();
}

std::string format_bar(double share) {
    constexpr int cells = 20;
    std::string bar(cells + 2, '.');
    bar.front() = '[';
    bar.back() = ']';
    std::fill_n(bar.begin() + 1, static_cast<int>(cells * std::clamp(share, 0.0, 1.0)), '#');
    return bar;
}

std::string format_bar(const ProgressState& state) {
    return format_bar(static_cast<double>(state.step) / std::max(1, state.steps)) + " " +
           format_numbers(state);
}

std::string format_line(const ProgressState& state) {
    return "step " + format_numbers(state);
}

Progress::Progress(int steps, int batch) : steps_(steps), batch_(batch) {}

void Progress::step_done(double loss, double seconds) {
    smoothed_loss_ = step_ == 0 ? loss : smoothed_loss_ + kNewest * (loss - smoothed_loss_);
    seconds_ += seconds;
    ++step_;
    line_.show(format_bar(state()), format_line(state()), step_ == 1 || step_ == steps_);
}

ProgressState Progress::state() const {
    const double per_step = std::max(seconds_, 1e-9) / std::max(1, step_);
    return {step_, steps_, smoothed_loss_, batch_ / per_step, per_step * (steps_ - step_)};
}

}  // namespace sparsetrain::cli
