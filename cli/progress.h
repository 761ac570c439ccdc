// What a training run shows while it runs.
#pragma once

#include <string>

#include "cli/recipe.h"
#include "cli/status_line.h"

namespace sparsetrain::cli {

struct ProgressState {
    int step = 0, steps = 0;  // `step` of `steps` are done; 0: of as many as there is time for
    double share = 0;         // of the run, from 0 to 1
    double loss = 0;
    double images_per_second = 0;
    double seconds_left = 0;
};

// "1:05" or "2:00:09".
std::string format_duration(double seconds);

// "[####................]" for a fifth.
std::string format_bar(double share);

// "[########............] 40/100  loss 0.512  430 images/s  ETA 1:05"
std::string format_bar(const ProgressState& state);

// "step 40/100  loss 0.512  430 images/s  ETA 1:05", or "step 40  loss ..."
std::string format_line(const ProgressState& state);

// Writes to stdout: a bar that is redrawn on a terminal, otherwise a line for the first and the last step and
// every few seconds.
class Progress {
  public:
    Progress(const RunLength& length, int batch);

    // Call after every step, with the mean loss of its batch and its time. The loss shown is a running mean;
    // speed and time left are those of the steps alone.
    void step_done(double loss, double seconds);

    // Leaves the bar's line; call before printing anything else.
    void finish() { line_.finish(); }

  private:
    ProgressState state() const;

    StatusLine line_;
    RunLength length_;
    int batch_;
    int step_ = 0;
    double seconds_ = 0;  // of all steps
    double smoothed_loss_ = 0;
};

}  // namespace sparsetrain::cli
