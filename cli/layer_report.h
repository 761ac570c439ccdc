// What zero skipping gave in each convolution of a network, measured in a step.
#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "sparsetrain/conv2d.h"
#include "train/network.h"

namespace sparsetrain::cli {

struct PassReport {
    Pass pass = Pass::fwd;
    Kernel kernel = Kernel::dense;       // that the network's plan ran
    Operand skipped = Operand::src;      // whose zeros it skipped, if it did
    double chosen_ms = 0, dense_ms = 0;  // medians; packing of weights included
    bool skips = false;

    double speedup() const { return dense_ms / chosen_ms; }
};

struct LayerReport {
    std::string name;
    ConvShape shape;
    double zeros_src = 0, zeros_diff_dst = 0;  // percentages of the values, without lanes that pad C to 16
    std::vector<PassReport> passes;            // that the network ran

    // A convolution of fewer than 16 channels has images, whose zeros are no ReLU's.
    bool counted() const { return shape.src.c >= kLanes; }
};

struct TotalReport {
    double chosen_ms = 0, dense_ms = 0;

    double speedup() const { return dense_ms / chosen_ms; }
};

// Of the layers that count.
TotalReport total_of(const std::vector<LayerReport>& layers);

// Percentage of zeros among the values of `tensor`, not counting lanes that pad C to 16.
double percentage_of_zeros(ConstTensorView tensor);

// One more step of `network`, without its update, in which every pass of every convolution runs again with
// the kernel that it ran and with dense in turn, on its own tensors.
std::vector<LayerReport> replay_step(train::Network& network, std::span<const float> images,
                                     const train::StepTargets& targets);

// What the times of a replay on that many threads are: the thread's CPU time, or wall time.
const char* replay_clock_name(int threads);

}  // namespace sparsetrain::cli
