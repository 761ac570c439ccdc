// The table at the end of a training run.
#pragma once

#include <string>
#include <vector>

#include "cli/layer_report.h"

namespace sparsetrain::cli {

// A row per convolution and pass, and the total of the convolutions that count. `policy` heads the column of
// the chosen kernels' times.
std::string format_layer_table(const std::vector<LayerReport>& layers, const std::string& policy);

}  // namespace sparsetrain::cli
