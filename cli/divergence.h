// Whether a network has learnt anything, or is lost.
#pragma once

#include "train/network.h"

namespace sparsetrain::cli {

// Each throws std::runtime_error that names what is not finite. The loss is that of the step's batch before
// its update, so that of the last step nobody sees what the update did but in the parameters.
void check_loss(double loss, int step);
void check_parameters(const train::Network& network, int step);

}  // namespace sparsetrain::cli
