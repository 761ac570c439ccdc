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
    float symmetric(float bound) { return uniform() * bound; }

    // Of mean 0, by Marsaglia's polar method, which makes two at a time.
    float normal(float deviation) {
        if (has_spare_) {
            has_spare_ = false;
            return spare_ * deviation;
        }
        float u = 0, v = 0, square = 0;
        do {
            u = uniform();
            v = uniform();
            square = u * u + v * v;
        } while (square >= 1 || square == 0);
        const auto factor =
            static_cast<float>(std::sqrt(-2 * std::log(static_cast<double>(square)) / square));
        spare_ = v * factor;
        has_spare_ = true;
        return u * factor * deviation;
    }

  private:
    float uniform() { return static_cast<float>(engine_() >> 8U) * 0x1p-23F - 1.0F; }

    std::mt19937 engine_;
    float spare_ = 0;
    bool has_spare_ = false;
};

}  // namespace sparsetrain::train
