#include "sparsetrain/sgd.h"

#include <algorithm>

#include "checks.h"
#include "halide_interface.h"
#include "sparsetrain_sgd_nesterov_f32.h"
#include "sparsetrain_sgd_plain_f32.h"

namespace sparsetrain {

namespace {

// Pipelines index with 32 bits: longer arrays are updated in parts.
constexpr std::size_t kMostElements = std::size_t{1} << 30;

template <typename T>
detail::Buffer<1> part(std::span<T> values, std::size_t first, std::size_t count) {
    return {values.data() + first, {static_cast<int>(count)}};
}

}  // namespace

void sgd_step(std::span<float> value, std::span<const float> gradient, std::span<float> momentum,
              const Sgd& sgd, Workspace& workspace) {
    const char* const function = "sgd_step";
    if (value.empty()) detail::throw_invalid(function, "value", "at least 1 element", "0");
    detail::check_count(function, "gradient", value.size(), gradient.size());
    detail::check_count(function, "momentum", value.size(), momentum.size());
    detail::check_pointer(function, "value", value.data());
    detail::check_pointer(function, "gradient", gradient.data(), alignof(float));
    detail::check_pointer(function, "momentum", momentum.data());
    detail::check_apart(function, {{"value", value}, {"momentum", momentum}}, {{"gradient", gradient}});
    const auto pipeline = sgd.nesterov ? ::sparsetrain_sgd_nesterov_f32 : ::sparsetrain_sgd_plain_f32;
    for (std::size_t first = 0; first < value.size(); first += kMostElements) {
        const std::size_t count = std::min(value.size() - first, kMostElements);
        detail::call_pipeline(function, pipeline, workspace, part(gradient, first, count), sgd.learning_rate,
                              sgd.momentum, sgd.weight_decay, part(value, first, count),
                              part(momentum, first, count));
    }
}

}  // namespace sparsetrain
