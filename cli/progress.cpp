#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "cli/clock.h"

namespace sparsetrain::cli {
namespace {

constexpr double kSecondsBetweenLines = 5, kSecondsBetweenBars = 0.1;
// Weight of the newest batch in the loss that is shown: single batches jump too much to read.
constexpr double kNewest = 0.1;

int terminal_width() {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

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

std::string format_bar(const ProgressState& state, int width) {
    constexpr int cells = 20;
    const int full = static_cast<int>(static_cast<long long>(cells) * state.step / std::max(1, state.steps));
    const std::string bar = std::string(static_cast<std::size_t>(full), '#') +
                            std::string(static_cast<std::size_t>(cells - full), '.');
    // A line of the full width would wrap on some terminals.
    return ("[" + bar + "] " + format_numbers(state))
        .substr(0, static_cast<std::size_t>(std::max(0, width - 1)));
}

std::string format_line(const ProgressState& state) {
    return "step " + format_numbers(state);
}

Progress::Progress(int steps, int batch)
    : steps_(steps), batch_(batch), terminal_(isatty(STDOUT_FILENO) == 1) {}

void Progress::step_done(double loss, double seconds) {
    smoothed_loss_ = step_ == 0 ? loss : smoothed_loss_ + kNewest * (loss - smoothed_loss_);
    seconds_ += seconds;
    ++step_;
    const double now = wall_seconds();
    const double pause = terminal_ ? kSecondsBetweenBars : kSecondsBetweenLines;
    last_shown_ = step_ == 1 || step_ == steps_ || now - shown_ >= pause;
    if (last_shown_) show(now);
}

ProgressState Progress::state() const {
    const double per_step = std::max(seconds_, 1e-9) / std::max(1, step_);
    return {step_, steps_, smoothed_loss_, batch_ / per_step, per_step * (steps_ - step_)};
}

void Progress::show(double now) {
    shown_ = now;
    if (terminal_)
        std::printf("\r%s\033[K", format_bar(state(), terminal_width()).c_str());
    else
        std::printf("%s\n", format_line(state()).c_str());
    std::fflush(stdout);
}

void Progress::finish() {
    if (!last_shown_) show(wall_seconds());
    last_shown_ = true;
    if (terminal_ && step_ > 0) std::printf("\n");
}

}  // namespace sparsetrain::cli
