// Max pools, of windows of any size, stride and padding. Buffers: tensors (lane, x, y, plane), choices the
// same, masks (x, y, plane); a plane is one channel block of one image.
#include <Halide.h>

#include <string>

#include "generators/lanes.h"
#include "generators/ops/window_generator.h"

using namespace Halide;
using namespace Halide::ConciseCasts;
using namespace sparsetrain::generators;

namespace {

// Where windows lie: their size, how far they are apart, and how far the first one is outside of the input.
// Each meets at least one pixel of it.
struct Windows {
    Expr height, width, stride_y, stride_x, top, left;

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

// An integer for a float, such that a larger float has a larger one, zeros of both signs have the same, and a
// NaN is above infinity: comparisons of floats may be compiled as if there were no NaNs.
Expr order_of(const Expr& value) {
    const Expr bits = reinterpret<uint32_t>(value), of_infinity = Expr(uint32_t{0x7f800000});
    const Expr is_negative = reinterpret<int32_t>(value) < 0;
    return reinterpret<int32_t>(select(is_negative, of_infinity - bits, bits - Expr(uint32_t{0x00800000})));
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
        return {this->height, this->width, this->stride_y, this->stride_x, this->top, this->left};
    }
};

// dst, its mask, and which tap of the window won: the first of equals in row-major order, a NaN before all.
class MaxPoolForward : public MaxPoolGenerator<MaxPoolForward> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 4>> dst{"dst"};
    Output<Buffer<uint16_t, 3>> mask{"mask"};
    Output<Buffer<uint8_t, 4>> choice{"choice"};

    // Along rows first, so that memory is read in its order. A tap outside of the input stands for the
    // nearest one inside, which is of the same window.
    void generate() {
        const Windows of = known_windows();
        tap_x_ = RDom(0, of.width);
        tap_y_ = RDom(0, of.height);
        const auto of_column = [&](const Expr& tap) {
            const Expr sx = clamp(likely(of.column(x, tap)), 0, src.dim(1).extent() - 1);
            return Tuple(src(l, sx, y, p), order_of(src(l, sx, y, p)), sx - of.column(x, 0));
        };
        of_row_(l, x, y, p) = of_column(0);
        of_row_(l, x, y, p) = better(of_row_(l, x, y, p), of_column(tap_x_));
        in_row_(l, x, y, p) = of_row_(l, x, y, p);
        const auto of_rows = [&](const Expr& tap) {
            const Expr sy = clamp(likely(of.row(y, tap)), 0, src.dim(2).extent() - 1);
            const Tuple row = in_row_(l, x, sy, p);
            return Tuple(row[0], row[1], row[2] + (sy - of.row(y, 0)) * of.width);
        };
        best_(l, x, y, p) = of_rows(0);
        best_(l, x, y, p) = better(best_(l, x, y, p), of_rows(tap_y_));

        const Expr without_sign = reinterpret<int32_t>(best_(lanes_, x, y, p)[0]) & 0x7fffffff;
        bits_(x, y, p) += bit_if(without_sign != 0, lanes_);
        dst(l, x, y, p) = best_(l, x, y, p)[0];
        choice(l, x, y, p) = cast<uint8_t>(best_(l, x, y, p)[2]);
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
        best_.compute_at(Func(mask), x).bound_extent(x, 1).bound_extent(y, 1).bound_extent(p, 1);
        best_.vectorize(l).update().vectorize(l);
        in_row_.store_at(Func(mask), p).compute_at(Func(mask), y).vectorize(l);
        of_row_.compute_at(in_row_, x).vectorize(l).update().vectorize(l);
        if (is_known()) {
            in_row_.fold_storage(y, 4);
            best_.update().unroll(tap_y_);
            of_row_.update().unroll(tap_x_);
        }
        bits_.compute_at(Func(mask), x).update().atomic().vectorize(lanes_);
    }

  private:
    // Of taps with (value, order, number), the one that wins: the first of equals.
    static Tuple better(const Tuple& best, const Tuple& next) {
        const Expr wins = next[1] > best[1];
        return {select(wins, next[0], best[0]), max(next[1], best[1]), select(wins, next[2], best[2])};
    }

    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
    RDom tap_x_, tap_y_, lanes_{0, kLanes};
    Func of_row_{"of_row"}, in_row_{"in_row"}, best_{"best"}, bits_{"bits"};
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
        const Expr inside = oy >= 0 && oy < rows && ox >= 0 && ox < columns;
        const Expr some_y = clamp(likely(oy), 0, rows - 1), some_x = clamp(likely(ox), 0, columns - 1);
        const Expr meets = inside && tap_y < of.height && tap_x < of.width;
        const Expr tap = select(meets, likely(tap_y * of.width + tap_x), -1);
        const Expr won = i32(choice(l, some_x, some_y, p)) == tap;
        sum_(l, x, y, p) = Tuple(-0.0f, u8(0));  // to which the first term is added by no instruction
        const Tuple before = sum_(l, x, y, p);
        // Strict, since otherwise it becomes an addition of memory under a mask, which Zen 5 is slow at.
        const Expr sum = strict_float(before[0] + select(won, diff_dst(l, some_x, some_y, p), 0.0f));
        sum_(l, x, y, p) = Tuple(sum, before[1] | select(won, u8(1), u8(0)));
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
            bits.reorder(xi, xo, yi, yo).unroll(xi).unroll(yi);
            gradient.reorder(l, xi, xo, yi, yo).unroll(xi).unroll(yi);
            gradient.compute_with(bits, xo);
        } else {
            gradient.compute_with(bits, x);
        }
        sum_.compute_at(bits, is_known() ? xo : x).vectorize(l).update().vectorize(l);
        bits_.compute_at(bits, is_known() ? xi : x).update().atomic().vectorize(lanes_);
        if (!is_known()) return;
        sum_.bound_extent(x, 2).bound_extent(y, 1).store_in(MemoryType::Register).unroll(x);
        sum_.update().reorder(l, back_.x, back_.y, x, y).unroll(back_.x).unroll(back_.y).unroll(x);
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

}  // namespace

HALIDE_REGISTER_GENERATOR(MaxPoolBackward, max_pool_backward)
HALIDE_REGISTER_GENERATOR(MaxPoolForward, max_pool_forward)
