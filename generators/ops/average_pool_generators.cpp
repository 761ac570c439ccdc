// Average pools: of windows of any size, stride and padding, of pieces, and of whole images. Buffers: tensors
// (lane, x, y, plane) and masks (x, y, plane), or with all pixels in one dimension; a plane is one channel
// block of one image.
#include <Halide.h>

#include <string>

#include "generators/lanes.h"
#include "generators/ops/window_generator.h"

using namespace Halide;
using namespace Halide::ConciseCasts;
using namespace sparsetrain::generators;

namespace {

// Neighbours on an axis, from `first` to before `end`.
struct Run {
    Expr first, end;

    Expr size() const { return end - first; }
};

// Sums over rectangles of a plane: for pixel (x, y) over a run of columns for x by a run of rows for y.
class RectangleSums {
  public:
    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};

    // Of a value at (column, row) of planes of that width and height, inside of which all runs are.
    template <typename Value>
    Expr of(const Value& value, const Run& columns, const Run& rows, const Expr& width, const Expr& height) {
        define(columns, rows);
        RDom r(0, width, 0, height);
        keep_to(r, r.y, rows_(y));
        keep_to(r, r.x, columns_(x));
        sum_(l, x, y, p) += value(r.x, r.y);
        return sum_(l, x, y, p);
    }
    // The same, of values in memory, which is read in its order: along all rows of a plane first.
    template <typename Value>
    Expr rows_first(const Value& value, const Run& columns, const Run& rows, const Expr& width,
                    const Expr& height) {
        define(columns, rows);
        RDom column(0, width), row(0, height);
        keep_to(column, column, columns_(x));
        keep_to(row, row, rows_(y));
        run_(l, x, y, p) += value(column, y);
        along_row_(l, x, y, p) = run_(l, x, y, p);
        sum_(l, x, y, p) += along_row_(l, x, row, p);
        return sum_(l, x, y, p);
    }

    // Within `output`, of which (lane, x, y, plane) are the variables.
    void schedule(Func output) {
        output.bound(l, 0, kLanes).vectorize(l).parallel(p);
        for (Func runs : {columns_, rows_}) runs.compute_root();
        sum_.compute_at(output, x).vectorize(l).update().vectorize(l);
        if (!along_row_.defined()) return;
        along_row_.compute_at(output, p).vectorize(l);
        run_.compute_at(along_row_, x).vectorize(l).update().vectorize(l);
    }

  private:
    void define(const Run& columns, const Run& rows) {
        columns_(x) = Tuple(columns.first, columns.end);
        rows_(y) = Tuple(rows.first, rows.end);
    }
    static void keep_to(RDom& domain, const Expr& pixel, const FuncRef& run) {
        domain.where(pixel >= run[0]);
        domain.where(pixel < run[1]);
    }

    Func columns_{"columns"}, rows_{"rows"}, run_{"run"}, along_row_{"along_row"}, sum_{"sum"};
};

// The pixels of an axis of `extent` in the window of an output, and the outputs, of `outputs`, whose windows
// hold a pixel.
struct WindowAxis {
    Expr size, stride, before, extent, outputs;

    Run pixels(const Expr& output) const {
        const Expr first = output * stride - before;
        return {max(first, 0), min(first + size, extent)};
    }
    Run holders(const Expr& pixel) const {
        const Expr from_first = pixel + before;
        return {max((from_first - size + stride) / stride, 0), min(from_first / stride + 1, outputs)};
    }
};

template <typename T>
class AveragePoolGenerator : public WindowGenerator<T> {
  public:
    GeneratorInput<bool> counts_padding{"counts_padding"};

  protected:
    WindowAxis axis_x(const Expr& extent, const Expr& outputs) const {
        return {this->width, this->stride_x, this->left, extent, outputs};
    }
    WindowAxis axis_y(const Expr& extent, const Expr& outputs) const {
        return {this->height, this->stride_y, this->top, extent, outputs};
    }
    // How many pixels the mean of a window is of.
    Expr averaged(const Run& columns, const Run& rows) const {
        return f32(select(counts_padding, this->height * this->width, columns.size() * rows.size()));
    }
};

// The mean of a window's pixels: of those inside the input, or, padding counting as zeros, of all its taps.
class AveragePoolForward : public AveragePoolGenerator<AveragePoolForward> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 4>> dst{"dst"};

    void generate() {
        const Expr extent_x = src.dim(1).extent(), extent_y = src.dim(2).extent();
        const Run columns = axis_x(extent_x, dst.dim(1).extent()).pixels(in_.x);
        const Run rows = axis_y(extent_y, dst.dim(2).extent()).pixels(in_.y);
        const auto value = [&](const Expr& x, const Expr& y) { return src(in_.l, x, y, in_.p); };
        dst(in_.l, in_.x, in_.y, in_.p) =
            in_.rows_first(value, columns, rows, extent_x, extent_y) / averaged(columns, rows);
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        in_.schedule(dst);
    }

  private:
    RectangleSums in_;
};

class AveragePoolBackward : public AveragePoolGenerator<AveragePoolBackward> {
  public:
    Input<Buffer<float, 4>> diff_dst{"diff_dst"};
    Output<Buffer<float, 4>> diff_src{"diff_src"};

    void generate() {
        const Expr outputs_x = diff_dst.dim(1).extent(), outputs_y = diff_dst.dim(2).extent();
        const WindowAxis across = axis_x(diff_src.dim(1).extent(), outputs_x);
        const WindowAxis down = axis_y(diff_src.dim(2).extent(), outputs_y);
        share_(in_.l, in_.x, in_.y, in_.p) =
            diff_dst(in_.l, in_.x, in_.y, in_.p) / averaged(across.pixels(in_.x), down.pixels(in_.y));
        const auto value = [&](const Expr& x, const Expr& y) { return share_(in_.l, x, y, in_.p); };
        diff_src(in_.l, in_.x, in_.y, in_.p) =
            in_.of(value, across.holders(in_.x), down.holders(in_.y), outputs_x, outputs_y);
    }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(diff_src);
        in_.schedule(diff_src);
        share_.compute_at(Func(diff_src), in_.p).vectorize(in_.l);
    }

  private:
    RectangleSums in_;
    Func share_{"share"};
};

// An axis of `extent` pixels in `pieces`, as even as they can be: piece i is from floor(i extent / pieces) to
// before ceil((i + 1) extent / pieces). The pieces that hold a pixel are those of the same rule with the two
// exchanged.
Run piece_of(const Expr& i, const Expr& extent, const Expr& pieces) {
    return {i * extent / pieces, ((i + 1) * extent + pieces - 1) / pieces};
}

// dst: the mean of each of as many windows as it has pixels.
class AdaptiveAveragePoolForward : public Generator<AdaptiveAveragePoolForward> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 4>> dst{"dst"};

    void generate() {
        const Expr extent_x = src.dim(1).extent(), extent_y = src.dim(2).extent();
        const Run columns = piece_of(in_.x, extent_x, dst.dim(1).extent());
        const Run rows = piece_of(in_.y, extent_y, dst.dim(2).extent());
        const auto value = [&](const Expr& x, const Expr& y) { return src(in_.l, x, y, in_.p); };
        dst(in_.l, in_.x, in_.y, in_.p) =
            in_.rows_first(value, columns, rows, extent_x, extent_y) / f32(columns.size() * rows.size());
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        in_.schedule(dst);
    }

  private:
    RectangleSums in_;
};

class AdaptiveAveragePoolBackward : public Generator<AdaptiveAveragePoolBackward> {
  public:
    Input<Buffer<float, 4>> diff_dst{"diff_dst"};
    Output<Buffer<float, 4>> diff_src{"diff_src"};

    void generate() {
        const Expr extent_x = diff_src.dim(1).extent(), extent_y = diff_src.dim(2).extent();
        const Expr pieces_x = diff_dst.dim(1).extent(), pieces_y = diff_dst.dim(2).extent();
        share_(in_.l, in_.x, in_.y, in_.p) =
            diff_dst(in_.l, in_.x, in_.y, in_.p) /
            f32(piece_of(in_.x, extent_x, pieces_x).size() * piece_of(in_.y, extent_y, pieces_y).size());
        const auto value = [&](const Expr& x, const Expr& y) { return share_(in_.l, x, y, in_.p); };
        diff_src(in_.l, in_.x, in_.y, in_.p) =
            in_.of(value, piece_of(in_.x, pieces_x, extent_x), piece_of(in_.y, pieces_y, extent_y), pieces_x,
                   pieces_y);
    }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(diff_src);
        in_.schedule(diff_src);
        share_.compute_at(Func(diff_src), in_.p).vectorize(in_.l);
    }

  private:
    RectangleSums in_;
    Func share_{"share"};
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
