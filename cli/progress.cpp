#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

namespace sparsetrain::cli {
namespace {

// Weight of the newest batch in the loss that is shown: single batches jump too much to read.
constexpr double kNewest = 0.1;

std::string format_numbers(const ProgressState& state) {
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(), "  loss %.3f  %.0f images/s  ETA %s", state.loss,
                  state.images_per_second, format_duration(state.seconds_left).c_str());
    std::string numbers = std::to_string(state.step);
    if (state.steps > 0) (numbers += '/') += std::to_string(state.steps);
    return numbers += text.data();
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
    return format_bar(state.share) + " " + format_numbers(state);
}

std::string format_line(const ProgressState& state) {
    return "step " + format_numbers(state);
}

Progress::Progress(const RunLength& length, int batch) : length_(length), batch_(batch) {}

void Progress::step_done(double loss, double seconds) {
    smoothed_loss_ = step_ == 0 ? loss : smoothed_loss_ + kNewest * (loss - smoothed_loss_);
    seconds_ += seconds;
    ++step_;
    line_.show(format_bar(state()), format_line(state()), step_ == 1 || step_ == length_.steps);
}

ProgressState Progress::state() const {
    const double per_step = std::max(seconds_, 1e-9) / std::max(1, step_);
    double share = 0, left = std::numeric_limits<double>::infinity();
    if (length_.steps > 0) {
        share = static_cast<double>(step_) / length_.steps;
        left = per_step * (length_.steps - step_);
    }
    if (length_.seconds > 0) {
        share = std::max(share, seconds_ / length_.seconds);
        left = std::min(left, length_.seconds - seconds_);
    }
    return {step_, length_.steps, share, smoothed_loss_, batch_ / per_step, left};
}

}  // namespace sparsetrain::cli
