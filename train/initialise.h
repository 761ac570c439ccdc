// Initial weights.
#pragma once

#include "sparsetrain/tensor.h"
#include "train/random.h"

namespace sparsetrain::train {

// Uniform in [-bound, bound) for every weight in the order (k, c, r, s), whatever the memory layout; the
// lanes that pad K and C stay zero.
inline void fill_uniform(Weights& weights, float bound, Random& random) {
    const WeightsShape shape = weights.shape();
    for (int k = 0; k < shape.k; ++k)
        for (int c = 0; c < shape.c; ++c)
            for (int r = 0; r < shape.r; ++r)
                for (int s = 0; s < shape.s; ++s) weights.at(k, c, r, s) = random.symmetric(bound);
}

}  // namespace sparsetrain::train
