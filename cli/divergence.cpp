#include "cli/divergence.h"

#include <cmath>
#include <stdexcept>
#include <string>

namespace sparsetrain::cli {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error("training diverged: " + what +
                             " is not finite; a lower --learning-rate may help");
}

}  // namespace

void check_loss(double loss, int step) {
    if (!std::isfinite(loss)) fail("the loss of step " + std::to_string(step));
}

void check_parameters(const train::Network& network, int step) {
    for (const train::Parameter* parameter : network.parameters())
        for (const float value : parameter->value)
            if (!std::isfinite(value)) fail(parameter->name + " after step " + std::to_string(step));
}

}  // namespace sparsetrain::cli
