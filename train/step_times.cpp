#include "train/step_times.h"

#include <numeric>

namespace sparsetrain::train {

const char* to_string(Work work) {
    static constexpr std::array<const char*, kWorks> kNames = {"convolution fwd",
                                                               "convolution bwd_data",
                                                               "convolution bwd_weights",
                                                               "batch normalisation",
                                                               "joins",
                                                               "pools",
                                                               "linear",
                                                               "dropout",
                                                               "loss",
                                                               "SGD",
                                                               "layout"};
    return kNames[static_cast<std::size_t>(work)];
}

double StepTimes::total() const {
    return std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
}

}  // namespace sparsetrain::train
