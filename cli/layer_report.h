// What zero skipping gave in each convolution of a network, measured on the tensors of its last step.
#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "sparsetrain/conv2d.h"
#include "train/network.h"

namespace sparsetrain::cli {

struct PassReport {
    Pass pass = Pass::fwd;
    Kernel kernel = Kernel::dense;       // that the training run's last step ran
    Operand skipped = Operand::src;      // whose zeros the replay skipped, if it did
    double chosen_ms = 0, dense_ms = 0;  // medians; packing of weights included
    bool skips = false;

    double speedup() const { return dense_ms / chosen_ms; }
};

struct LayerReport {
    std::string name;
    ConvShape shape;
    double zeros_src = 0, zeros_diff_dst = 0;  // percentages of the values, without lanes that pad C to 16
    std::vector<PassReport> passes;            // that the network ran

    // A convolution of fewer than 16 channels works mostly on padding: its zeros are not sparsity.
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

// Replays every pass of the last train_step of `network`, the kernel that it ran and dense in turn, on
// tensors apart from the network's. Call it before anything else overwrites the step's tensors.
std::vector<LayerReport> replay_last_step(const train::Network& network);

// The memory of those tensors: of one layer at a time.
std::size_t replay_bytes(const train::Network& network);

// Which clock replay_last_step reads with so many threads: that of the thread's own CPU time if there is but
// one, as other processes disturb it less, else wall time.
clockid_t replay_clock(int threads);
const char* replay_clock_name(int threads);

}  // namespace sparsetrain::cli
