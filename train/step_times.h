// What the time of a training step goes to.
#pragma once

#include <array>
#include <cstddef>
#include <ctime>

namespace sparsetrain::train {

enum class Work {
    convolution_fwd,
    convolution_bwd_data,
    convolution_bwd_weights,
    batch_norm,
    join,  // residual sums, concatenations, sums of gradients at forks, ReLUs by themselves
    pool,
    linear,
    dropout,
    loss,
    sgd,
    layout
};
inline constexpr std::size_t kWorks = 11;

const char* to_string(Work work);

// Seconds: of the thread's CPU time, which others' work on the machine leaves alone, where one thread does
// all; wall time otherwise.
class StepTimes {
  public:
    explicit StepTimes(int threads = 1) : clock_(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC) {}

    double now() const {
        timespec time{};
        clock_gettime(clock_, &time);
        return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
    }
    void add(Work work, double seconds) { seconds_[static_cast<std::size_t>(work)] += seconds; }
    void add(const StepTimes& other) {
        for (std::size_t i = 0; i < kWorks; ++i) seconds_[i] += other.seconds_[i];
    }
    double of(Work work) const { return seconds_[static_cast<std::size_t>(work)]; }
    double total() const;

  private:
    clockid_t clock_;
    std::array<double, kWorks> seconds_{};
};

// Adds the time from its making to its end, if there is where to.
class ScopedTime {
  public:
    ScopedTime(StepTimes* times, Work work)
        : times_(times), work_(work), start_(times == nullptr ? 0 : times->now()) {}
    ScopedTime(const ScopedTime&) = delete;
    ScopedTime& operator=(const ScopedTime&) = delete;
    ~ScopedTime() {
        if (times_ != nullptr) times_->add(work_, times_->now() - start_);
    }

  private:
    StepTimes* times_;
    Work work_;
    double start_;
};

}  // namespace sparsetrain::train
