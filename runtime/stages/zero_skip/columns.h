// Which output pixels of a row a source pixel reaches, for a sweep along the row that keeps the outputs in
// reach in registers: all compile-time arithmetic, by the number of steps (source pixels) since the row's
// first.
#pragma once

namespace {

// `Transposed`, as in bwd_data: source pixel x reaches outputs Stride * x + s - padding, for s in 0 ... S
// - 1. Otherwise, as in fwd, x + padding - s; see Phase for other strides than 1.
//
// Outputs are numbered from an arbitrary origin, so that no number used is negative.
template <bool Transposed, int S, int Stride>
struct Columns {
    static_assert(Transposed ? S >= Stride : Stride == 1);

    static constexpr int kLive = S;  // outputs in reach
    // After so many steps everything repeats, with the outputs in the same places of a ring of kLive.
    static constexpr int kPeriod = kLive;

    // A step reaches the outputs from lowest(step) to end(step) - 1, each through a filter column of its own.
    static constexpr int lowest(int step) { return Transposed ? (step + kLive) * Stride : step + kLive; }
    static constexpr int end(int step) { return lowest(step) + S; }
    static constexpr int filter_column(int step, int output) {
        return Transposed ? output - lowest(step) : end(step) - 1 - output;
    }

    // How many of the first steps reach any of the `count` lowest outputs of the first.
    static constexpr int steps_to_pass(int count) {
        int step = 0;
        while (lowest(step) < lowest(0) + count) ++step;
        return step;
    }
};

// Fwd at a stride: source pixels whose x + padding is `Index` modulo Stride meet filter columns Index, Index
// + Stride, ... only, and form a row that is swept as at stride 1, with a part of the weights that is all of
// use. Other passes and strides have one phase, of all pixels and columns.
template <int S, int Phases, int Index>
struct Phase {
    static_assert(S >= Phases && (Phases == 1 || S % 2 == 1),
                  "the first phase reaches all outputs that any does");
    static constexpr int kColumns = (S - Index + Phases - 1) / Phases;
    static constexpr int filter_column(int column) { return Index + column * Phases; }

    // At run time: the first pixel, and the first output that it reaches.
    static int first(int padding) { return (Index + padding * (Phases - 1)) % Phases; }
    static int first_output(int padding) {
        return (first(padding) + padding - Index) / Phases - kColumns + 1;
    }
};

// How many pixels of every phase-th, from `first` on, there are in `width`.
inline int pixels_of_phase(int width, int phases, int first) {
    return (width - first + phases - 1) / phases;
}

}  // namespace
