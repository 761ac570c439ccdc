// Which output pixels of a row a source pixel reaches, for a sweep along the row that keeps the outputs in
// reach in registers: all compile-time arithmetic, by the number of steps (source pixels) since the row's
// first.
#pragma once

namespace {

// `Transposed`, as in bwd_data: source pixel x reaches outputs Stride * x + s - padding, for s in 0 ... S
// - 1. Otherwise, as in fwd: those for which x + padding - s is Stride times the output; the filter columns
// that do alternate with x, and `Start` is the padding modulo Stride. Filters at least as wide as the stride
// leave no pixel out.
//
// Outputs are numbered from an arbitrary origin, so that no number used is negative.
template <bool Transposed, int S, int Stride, int Start = 0>
struct Columns {
    static_assert(S >= Stride && Start < Stride && (!Transposed || Start == 0));

    static constexpr int kLive = Transposed ? S : (S + Stride - 1) / Stride;  // outputs in reach, at most
    // After so many steps everything repeats, with the outputs in the same places of a ring of kLive.
    static constexpr int kPeriod = kLive * (Transposed ? 1 : Stride);

    // A step reaches the outputs from lowest(step) to end(step) - 1, each through a filter column of its own.
    static constexpr int lowest(int step) {
        return Transposed ? (step + kLive) * Stride : (position(step) - S + Stride) / Stride;
    }
    static constexpr int end(int step) { return Transposed ? lowest(step) + S : position(step) / Stride + 1; }
    static constexpr int filter_column(int step, int output) {
        return Transposed ? output - lowest(step) : position(step) - output * Stride;
    }

    // How many of the first steps reach any of the `count` lowest outputs of the first.
    static constexpr int steps_to_pass(int count) {
        int step = 0;
        while (lowest(step) < lowest(0) + count) ++step;
        return step;
    }

    // At run time: the first output in reach of pixel 0, and how many outputs `width` pixels reach.
    static int first_output(int padding) {
        return Transposed ? -padding : (padding - S + Stride * S) / Stride - S + 1;
    }
    static int outputs(int width, int padding) {
        return Transposed ? (width - 1) * Stride + S
                          : (width - 1 + padding) / Stride - first_output(padding) + 1;
    }

  private:
    static constexpr int position(int step) { return Start + step + Stride * kLive; }
};

}  // namespace
