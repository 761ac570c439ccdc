// Pools: of windows of any size, stride and padding, and of whole images. Buffers: tensors (lane, x, y,
// plane), masks and choices (x, y, plane) or with lanes in front; a plane is one channel block of one image.
#include <Halide.h>

#include <limits>
#include <string>

#include "generators/lanes.h"

using namespace Halide;
using namespace Halide::ConciseCasts;
using namespace sparsetrain::generators;

namespace {

// Where windows lie: their size, how far they are apart, and how far the first one is outside of the input.
// Each meets at least one pixel of it.
struct Windows {
    Expr height, width, stride_y, stride_x, top, left;

    // The taps of a window.
    RDom taps() const { return {{{0, width}, {0, height}}}; }
    // The pixel of the input under a tap of an output's window; it may be outside.
    Expr row(const Expr& y, const Expr& tap) const { return y * stride_y + tap - top; }
    Expr column(const Expr& x, const Expr& tap) const { return x * stride_x + tap - left; }

    // The outputs whose windows may hold a pixel: the i-th from the last one back, in either direction.
    RDom outputs() const {
        return {{{0, (width + stride_x - 1) / stride_x}, {0, (height + stride_y - 1) / stride_y}}};
    }
    Expr output_row(const Expr& y, const Expr& i) const { return (y + top) / stride_y - i; }
    Expr output_column(const Expr& x, const Expr& i) const { return (x + left) / stride_x - i; }
};

// What the generator of every pool with windows is told of them, before its buffers.
template <typename T>
class WindowGenerator : public Generator<T> {
  public:
    GeneratorInput<int> height{"height"}, width{"width"}, stride_y{"stride_y"}, stride_x{"stride_x"};
    GeneratorInput<int> top{"top"}, left{"left"};

  protected:
    Windows windows() const { return {height, width, stride_y, stride_x, top, left}; }
};

Expr is_inside(const Expr& y, const Expr& x, const Expr& rows, const Expr& columns) {
    return y >= 0 && y < rows && x >= 0 && x < columns;
}

// Whether a float, by its bits, is NaN: comparisons of floats may be compiled as if none were.
Expr is_nan_by_bits(const Expr& value) {
    return (reinterpret<int32_t>(value) & 0x7fffffff) > 0x7f800000;
}

// Max pools of networks: all numbers known, loops over taps become straight code.
template <typename T>
class MaxPoolGenerator : public WindowGenerator<T> {
  public:
    // "any"; "2x2": with stride 2; or "3x3": with stride 2, and padding 1 above and to the left.
    GeneratorParam<std::string> form{"form", "any"};

  protected:
    bool is_known() const { return form.value() != "any"; }
    Windows known_windows() const {
        if (form.value() == "2x2") return {2, 2, 2, 2, 0, 0};
        if (form.value() == "3x3") return {3, 3, 2, 2, 1, 1};
        return this->windows();
    }
};

// dst, its mask, and which tap of the window won: the first of equals in row-major order, a NaN before all.
class MaxPoolForward : public MaxPoolGenerator<MaxPoolForward> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 4>> dst{"dst"};
    Output<Buffer<uint16_t, 3>> mask{"mask"};
    Output<Buffer<uint8_t, 4>> choice{"choice"};

    void generate() {
        const Windows of = known_windows();
        tap_ = of.taps();
        const Expr sy = of.row(y, tap_.y), sx = of.column(x, tap_.x);
        const Expr rows = src.dim(2).extent(), columns = src.dim(1).extent();
        const Expr inside = likely(sy >= 0) && likely(sy < rows) && likely(sx >= 0) && likely(sx < columns);
        const Expr value = src(l, clamp(likely(sx), 0, columns - 1), clamp(likely(sy), 0, rows - 1), p);
        best_(l, x, y, p) = Tuple(Expr(-std::numeric_limits<float>::infinity()), Expr(-1));
        const Expr best = best_(l, x, y, p)[0], chosen = best_(l, x, y, p)[1];
        const Expr wins =
            inside && !is_nan_by_bits(best) && (chosen < 0 || value > best || is_nan_by_bits(value));
        best_(l, x, y, p) =
            Tuple(select(wins, value, best), select(wins, tap_.y * of.width + tap_.x, chosen));

        bits_(x, y, p) += bit_if(reinterpret<int32_t>(best_(lanes_, x, y, p)[0]) * 2 != 0, lanes_);
        dst(l, x, y, p) = best_(l, x, y, p)[0];
        choice(l, x, y, p) = cast<uint8_t>(best_(l, x, y, p)[1]);
        mask(x, y, p) = bits_(x, y, p);
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        declare_lanes(choice);
        declare_mask_of(mask, dst);
        for (int i = 1; i < 4; ++i) choice.dim(i).set_bounds(0, dst.dim(i).extent());
        mask.parallel(p);
        for (Func f : {Func(dst), Func(choice)}) {
            f.bound(l, 0, kLanes).vectorize(l).parallel(p).compute_with(Func(mask), x);
        }
        best_.compute_at(Func(mask), x).vectorize(l).update().vectorize(l);
        if (is_known()) best_.update().unroll(tap_.x).unroll(tap_.y);
        bits_.compute_at(Func(mask), x).update().atomic().vectorize(lanes_);
    }

  private:
    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
    RDom tap_, lanes_{0, kLanes};
    Func best_{"best"}, bits_{"bits"};
};

// diff_src: what the windows that a pixel won in bring it; and its mask, with a bit where it won. With the
// backward of the ReLU that made src, where its mask has a bit, too.
class MaxPoolBackward : public MaxPoolGenerator<MaxPoolBackward> {
  public:
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "masked"
    Input<Buffer<float, 4>> diff_dst{"diff_dst"};
    Input<Buffer<uint8_t, 4>> choice{"choice"};
    Input<int> channels{"channels"};  // C before rounding up: the mask is clear in the lanes beyond
    Output<Buffer<float, 4>> diff_src{"diff_src"};
    Output<Buffer<uint16_t, 3>> mask{"mask"};

    void configure() {
        if (epilogue.value() == "masked") relu_mask_ = add_input<Buffer<uint16_t, 3>>("relu_mask");
    }

    void generate() {
        const Windows of = known_windows();
        back_ = of.outputs();
        const Expr oy = of.output_row(y, back_.y), ox = of.output_column(x, back_.x);
        const Expr rows = diff_dst.dim(2).extent(), columns = diff_dst.dim(1).extent();
        const Expr tap_y = y + of.top - oy * of.stride_y, tap_x = x + of.left - ox * of.stride_x;
        const Expr inside = likely(oy >= 0) && likely(oy < rows) && likely(ox >= 0) && likely(ox < columns);
        const Expr meets = inside && tap_y < of.height && tap_x < of.width;
        const Expr some_y = clamp(likely(oy), 0, rows - 1), some_x = clamp(likely(ox), 0, columns - 1);
        const Expr won = meets && i32(choice(l, some_x, some_y, p)) == tap_y * of.width + tap_x;
        sum_(l, x, y, p) = Tuple(0.0f, u8(0));
        const Tuple before = sum_(l, x, y, p);
        sum_(l, x, y, p) = Tuple(before[0] + select(won, diff_dst(l, some_x, some_y, p), 0.0f),
                                 before[1] | select(won, u8(1), u8(0)));
        const Expr blocks = (channels + kLanes - 1) / kLanes;
        const Expr is_channel = (p % blocks) * kLanes + lanes_ < channels;
        bits_(x, y, p) += bit_if(sum_(lanes_, x, y, p)[1] != u8(0) && is_channel && passes(lanes_), lanes_);
        diff_src(l, x, y, p) = select(passes(l), sum_(l, x, y, p)[0], 0.0f);
        mask(x, y, p) = bits_(x, y, p);
    }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(choice);
        declare_lanes(diff_src);
        declare_mask_of(mask, diff_src);
        Func bits(mask), gradient(diff_src);
        bits.parallel(p);
        gradient.bound(l, 0, kLanes).vectorize(l).parallel(p);
        Var xo("xo"), xi("xi"), yo("yo"), yi("yi");
        if (is_known()) {
            // Pixels of even and odd rows and columns are those of other taps: of known ones, each.
            for (Func f : {bits, gradient})
                f.split(x, xo, xi, 2, TailStrategy::GuardWithIf)
                    .split(y, yo, yi, 2, TailStrategy::GuardWithIf);
            bits.reorder(xi, yi, xo, yo).unroll(xi).unroll(yi);
            gradient.reorder(l, xi, yi, xo, yo).unroll(xi).unroll(yi);
            gradient.compute_with(bits, xo);
        } else {
            gradient.compute_with(bits, x);
        }
        sum_.compute_at(bits, is_known() ? xo : x).vectorize(l).update().vectorize(l);
        bits_.compute_at(bits, is_known() ? xi : x).update().atomic().vectorize(lanes_);
        if (!is_known()) return;
        sum_.bound_extent(x, 2).bound_extent(y, 2).store_in(MemoryType::Register).unroll(x).unroll(y);
        sum_.update().reorder(l, back_.x, back_.y, x, y).unroll(back_.x).unroll(back_.y).unroll(x).unroll(y);
    }

  private:
    Expr passes(const Expr& lane) {
        return relu_mask_ == nullptr ? cast<bool>(1) : bit_of((*relu_mask_)(x, y, p), lane);
    }

    GeneratorInput<Buffer<uint16_t, 3>>* relu_mask_ = nullptr;
    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
    RDom back_, lanes_{0, kLanes};
    Func sum_{"sum"}, bits_{"bits"};
};

// The mean of a window's pixels: of those inside the input, or, padding counting as zeros, of all its taps.
class AveragePoolForward : public WindowGenerator<AveragePoolForward> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Input<bool> counts_padding{"counts_padding"};
    Output<Buffer<float, 4>> dst{"dst"};

    void generate() {
        const RDom tap = windows().taps();
        const Expr sy = windows().row(y, tap.y), sx = windows().column(x, tap.x);
        const Expr rows = src.dim(2).extent(), columns = src.dim(1).extent();
        const Expr value = src(l, clamp(sx, 0, columns - 1), clamp(sy, 0, rows - 1), p);
        sum_(l, x, y, p) += select(is_inside(sy, sx, rows, columns), value, 0.0f);
        dst(l, x, y, p) = sum_(l, x, y, p) / averaged(windows(), y, x, rows, columns, counts_padding);
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        Func(dst).bound(l, 0, kLanes).vectorize(l).parallel(p);
        sum_.compute_at(Func(dst), x).vectorize(l).update().vectorize(l);
    }

    // How many pixels the mean of an output is of.
    static Expr averaged(const Windows& windows, const Expr& y, const Expr& x, const Expr& rows,
                         const Expr& columns, const Expr& counts_padding) {
        const auto inside = [](const Expr& first, const Expr& size, const Expr& extent) {
            return min(first + size, extent) - max(first, 0);
        };
        const Expr count = inside(windows.row(y, 0), windows.height, rows) *
                           inside(windows.column(x, 0), windows.width, columns);
        return f32(select(counts_padding, windows.height * windows.width, count));
    }

  private:
    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
    Func sum_{"sum"};
};

class AveragePoolBackward : public WindowGenerator<AveragePoolBackward> {
  public:
    Input<Buffer<float, 4>> diff_dst{"diff_dst"};
    Input<bool> counts_padding{"counts_padding"};
    Output<Buffer<float, 4>> diff_src{"diff_src"};

    void generate() {
        const RDom back = windows().outputs();
        const Expr oy = windows().output_row(y, back.y), ox = windows().output_column(x, back.x);
        const Expr rows = diff_dst.dim(2).extent(), columns = diff_dst.dim(1).extent();
        const Expr meets = is_inside(oy, ox, rows, columns) && y + top - oy * stride_y < height &&
                           x + left - ox * stride_x < width;
        const Expr some_y = clamp(oy, 0, rows - 1), some_x = clamp(ox, 0, columns - 1);
        const Expr averaged = AveragePoolForward::averaged(
            windows(), some_y, some_x, diff_src.dim(2).extent(), diff_src.dim(1).extent(), counts_padding);
        sum_(l, x, y, p) += select(meets, diff_dst(l, some_x, some_y, p) / averaged, 0.0f);
        diff_src(l, x, y, p) = sum_(l, x, y, p);
    }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(diff_src);
        Func(diff_src).bound(l, 0, kLanes).vectorize(l).parallel(p);
        sum_.compute_at(Func(diff_src), x).vectorize(l).update().vectorize(l);
    }

  private:
    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
    Func sum_{"sum"};
};

// Windows that cover an axis of `extent` pixels in `pieces`, as even as they can be: piece i is from
// floor(i extent / pieces) to before ceil((i + 1) extent / pieces). The pieces that hold a pixel are those of
// the same rule with the two exchanged.
struct Pieces {
    Expr extent, pieces;

    Expr first(const Expr& i) const { return i * extent / pieces; }
    Expr end(const Expr& i) const { return ((i + 1) * extent + pieces - 1) / pieces; }
    Expr size(const Expr& i) const { return end(i) - first(i); }
    Expr most() const { return extent / pieces + 2; }
    Pieces of_pixels() const { return {pieces, extent}; }
};

// dst: the mean of each of as many windows as it has pixels.
class AdaptiveAveragePoolForward : public Generator<AdaptiveAveragePoolForward> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 4>> dst{"dst"};

    void generate() {
        const Pieces columns{src.dim(1).extent(), dst.dim(1).extent()};
        const Pieces rows{src.dim(2).extent(), dst.dim(2).extent()};
        const RDom of({{0, columns.most()}, {0, rows.most()}});
        const Expr sx = columns.first(x) + of.x, sy = rows.first(y) + of.y;
        const Expr value = src(l, clamp(sx, 0, columns.extent - 1), clamp(sy, 0, rows.extent - 1), p);
        sum_(l, x, y, p) += select(sx < columns.end(x) && sy < rows.end(y), value, 0.0f);
        dst(l, x, y, p) = sum_(l, x, y, p) / f32(columns.size(x) * rows.size(y));
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        Func(dst).bound(l, 0, kLanes).vectorize(l).parallel(p);
        sum_.compute_at(Func(dst), x).vectorize(l).update().vectorize(l);
    }

  private:
    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
    Func sum_{"sum"};
};

class AdaptiveAveragePoolBackward : public Generator<AdaptiveAveragePoolBackward> {
  public:
    Input<Buffer<float, 4>> diff_dst{"diff_dst"};
    Output<Buffer<float, 4>> diff_src{"diff_src"};

    void generate() {
        const Pieces columns{diff_src.dim(1).extent(), diff_dst.dim(1).extent()};
        const Pieces rows{diff_src.dim(2).extent(), diff_dst.dim(2).extent()};
        const Pieces outputs_x = columns.of_pixels(), outputs_y = rows.of_pixels();
        const RDom of({{0, outputs_x.most()}, {0, outputs_y.most()}});
        const Expr ox = outputs_x.first(x) + of.x, oy = outputs_y.first(y) + of.y;
        const Expr some_x = clamp(ox, 0, columns.pieces - 1), some_y = clamp(oy, 0, rows.pieces - 1);
        const Expr share = diff_dst(l, some_x, some_y, p) / f32(columns.size(some_x) * rows.size(some_y));
        sum_(l, x, y, p) += select(ox < outputs_x.end(x) && oy < outputs_y.end(y), share, 0.0f);
        diff_src(l, x, y, p) = sum_(l, x, y, p);
    }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(diff_src);
        Func(diff_src).bound(l, 0, kLanes).vectorize(l).parallel(p);
        sum_.compute_at(Func(diff_src), x).vectorize(l).update().vectorize(l);
    }

  private:
    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
    Func sum_{"sum"};
};

// The mean of each plane: src (lane, pixel, plane), dst (lane, plane).
class GlobalAveragePoolForward : public Generator<GlobalAveragePoolForward> {
  public:
    Input<Buffer<float, 3>> src{"src"};
    Output<Buffer<float, 2>> dst{"dst"};

    void generate() {
        const RDom of(0, src.dim(1).extent());
        sum_(l, p) += src(l, of, p);
        dst(l, p) = sum_(l, p) / f32(src.dim(1).extent());
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        Func(dst).bound(l, 0, kLanes).vectorize(l).parallel(p);
        sum_.compute_at(Func(dst), p).vectorize(l).update().vectorize(l);
    }

  private:
    Var l{"l"}, p{"p"};
    Func sum_{"sum"};
};

// Every pixel's share of its plane's gradient; with the backward of the ReLU that made src, where its mask
// has a bit.
class GlobalAveragePoolBackward : public Generator<GlobalAveragePoolBackward> {
  public:
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "masked"
    Input<Buffer<float, 2>> diff_dst{"diff_dst"};

    void configure() {
        if (epilogue.value() == "masked") mask_ = add_input<Buffer<uint16_t, 2>>("mask");
        diff_src_ = add_output<Buffer<float, 3>>("diff_src");
    }

    void generate() {
        share_(l, p) = diff_dst(l, p) / f32(diff_src_->dim(1).extent());
        (*diff_src_)(l, i, p) =
            mask_ == nullptr ? share_(l, p) : select(bit_of((*mask_)(i, p), l), share_(l, p), 0.0f);
    }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(*diff_src_);
        Func(*diff_src_).bound(l, 0, kLanes).vectorize(l).parallel(p);
        share_.compute_at(Func(*diff_src_), p).vectorize(l);
    }

  private:
    Var l{"l"}, i{"i"}, p{"p"};
    GeneratorInput<Buffer<uint16_t, 2>>* mask_ = nullptr;
    GeneratorOutput<Buffer<float, 3>>* diff_src_ = nullptr;
    Func share_{"share"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(AdaptiveAveragePoolBackward, adaptive_average_pool_backward)
HALIDE_REGISTER_GENERATOR(AdaptiveAveragePoolForward, adaptive_average_pool_forward)
HALIDE_REGISTER_GENERATOR(AveragePoolBackward, average_pool_backward)
HALIDE_REGISTER_GENERATOR(AveragePoolForward, average_pool_forward)
HALIDE_REGISTER_GENERATOR(GlobalAveragePoolBackward, global_average_pool_backward)
HALIDE_REGISTER_GENERATOR(GlobalAveragePoolForward, global_average_pool_forward)
HALIDE_REGISTER_GENERATOR(MaxPoolBackward, max_pool_backward)
HALIDE_REGISTER_GENERATOR(MaxPoolForward, max_pool_forward)
