// The loops of operators whose pixels are independent: tensors (lane, pixel), masks (pixel).
#pragma once

#include <Halide.h>

#include "generators/lanes.h"

namespace sparsetrain::generators {

// Pixels per task: 64 KB of each tensor, so that a task is much longer than its hand-out.
inline constexpr int kTaskPixels = 1024;

// Of a tensor by itself.
inline void traverse_pixels(Halide::Func tensor, const Halide::Var& lane, const Halide::Var& pixel) {
    Halide::Var task("task"), i("i");
    tensor.split(pixel, task, i, kTaskPixels, Halide::TailStrategy::GuardWithIf)
        .vectorize(lane)
        .parallel(task);
}

// Of a tensor with its mask, whose words are sums of `bits` over the lanes.
inline void traverse_pixels(Halide::Func tensor, Halide::Func mask, Halide::Func bits,
                            const Halide::Var& lane, const Halide::Var& pixel, const Halide::RDom& lanes) {
    Halide::Var task("task"), i("i");
    for (Halide::Func output : {mask, tensor})
        output.split(pixel, task, i, kTaskPixels, Halide::TailStrategy::GuardWithIf).parallel(task);
    tensor.vectorize(lane).compute_with(mask, i);
    bits.compute_at(mask, i).update().atomic().vectorize(lanes);
}

}  // namespace sparsetrain::generators
