// Random numbers that depend on the seed alone, not on the standard library's distributions.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace sparsetrain::train {

class Random {
  public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}

    // Uniform in [-bound, bound): the engine's sequence is fixed by the standard, and 24 bits fit a float.
    float symmetric(float bound) {
        const auto bits = static_cast<float>(engine_() >> 8U);
        return (bits * 0x1p-23F - 1.0F) * bound;
    }

    // The bound that keeps the variance of activations through a ReLU layer of `fan_in` inputs (He et al.).
    static float he_bound(std::size_t fan_in) { return std::sqrt(6.0F / static_cast<float>(fan_in)); }

  private:
    std::mt19937 engine_;
};

}  // namespace sparsetrain::train
