#include "train/sgd.h"

#include "checks.h"
#include "halide_interface.h"
#include "sparsetrain_sgd_f32.h"

namespace sparsetrain::train {

namespace {

void check_parameter(const Parameter& parameter) {
    const std::size_t count = parameter.value.size();
    if (count == 0 || count % kLanes != 0)
        detail::throw_invalid("sgd_step", "value", "a positive multiple of 16 elements",
                              std::to_string(count));
    detail::check_count("sgd_step", "gradient", count, parameter.gradient.size());
    detail::check_count("sgd_step", "momentum", count, parameter.momentum.size());
    detail::check_pointer("sgd_step", "value", parameter.value.data());
    detail::check_pointer("sgd_step", "gradient", parameter.gradient.data());
    detail::check_pointer("sgd_step", "momentum", parameter.momentum.data());
}

detail::Buffer<1> flat(std::span<float> values) {
    return {values.data(), {static_cast<int>(values.size())}};
}

}  // namespace

void sgd_step(const Parameter& parameter, const Sgd& sgd, Workspace& workspace) {
    check_parameter(parameter);
    const float decay = parameter.decayed ? sgd.weight_decay : 0.0F;
    detail::call_pipeline("sgd", ::sparsetrain_sgd_f32, workspace, flat(parameter.gradient),
                          sgd.learning_rate, sgd.momentum, decay, flat(parameter.value),
                          flat(parameter.momentum));
}

}  // namespace sparsetrain::train
