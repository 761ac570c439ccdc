// Convolutions of src + a scalar, from convolutions of src (see sparsetrain/shifted_conv.h). Buffers: weights
// in the master layout (k lane, c lane, s, r, c block, k block); taps and sums per tap (k lane, k block, s,
// r); tensors (k lane, x, y, k block, n).
#include <Halide.h>

#include <string>

#include "generators/lanes.h"
#include "generators/relu.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

// Each tap's weights, summed over the input channels.
class TapSums : public Generator<TapSums> {
  public:
    Input<Buffer<float, 6>> weights{"weights"};
    Output<Buffer<float, 4>> taps{"taps"};

    void generate() {
        c_ = RDom(0, kLanes, 0, weights.dim(4).extent());
        sum_(k, kb, s, r) += weights(k, c_.x, s, r, c_.y, kb);
        taps(k, kb, s, r) = sum_(k, kb, s, r);
    }

    void schedule() {
        declare_lanes(weights);
        declare_lanes(taps);
        taps.reorder(k, s, r, kb).vectorize(k).parallel(kb);
        sum_.compute_at(taps, s).vectorize(k).update().vectorize(k);
    }

  private:
    Var k{"k"}, kb{"kb"}, s{"s"}, r{"r"};
    RDom c_;
    Func sum_{"sum"};
};

// Which taps of an output pixel are inside the image: those of one axis.
struct TapAxis {
    Expr extent, stride, before;

    Expr is_inside(const Expr& output, const Expr& tap) const {
        const Expr at = output * stride + tap - before;
        return at >= 0 && at < extent;
    }
    // Of `outputs`, those all of whose `taps` are inside: from this one to before the other.
    Expr core_first(const Expr& outputs) const { return min((before + stride - 1) / stride, outputs); }
    Expr core_end(const Expr& outputs, const Expr& taps) const {
        return clamp((extent + before - taps) / stride + 1, core_first(outputs), outputs);
    }
};

// conv + shift * (sum of the taps inside the image) + after, for all images alike; perhaps ReLU, with mask.
class AddShift : public Generator<AddShift> {
  public:
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "relu"
    Input<Buffer<float, 5>> conv{"conv"};
    Input<Buffer<float, 4>> taps{"taps"};
    Input<float> shift{"shift"};
    Input<float> after{"after"};
    Input<int> src_height{"src_height"};
    Input<int> src_width{"src_width"};
    Input<int> stride{"stride"};
    Input<int> top{"top"};
    Input<int> left{"left"};
    Input<int> channels{"channels"};  // K: beyond, dst is zero
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "relu") mask_ = add_output<Buffer<uint16_t, 4>>("dst_mask");
    }

    void generate() {
        tap_ = RDom(0, taps.dim(2).extent(), 0, taps.dim(3).extent());
        const TapAxis columns{src_width, stride, left}, rows{src_height, stride, top};
        const Expr counts = columns.is_inside(x, tap_.x) && rows.is_inside(y, tap_.y);
        inside_(k, x, y, kb) += select(counts, taps(k, kb, tap_.x, tap_.y), 0.0f);
        const Expr is_channel = kb * kLanes + k < channels;
        added_(k, x, y, kb) = select(is_channel, shift * inside_(k, x, y, kb) + after, 0.0f);
        const Expr sum = conv(k, x, y, kb, n) + added_(k, x, y, kb);
        if (mask_ == nullptr) {
            dst(k, x, y, kb, n) = sum;
            return;
        }
        result_(k, x, y, kb, n) = select(relu_keeps(sum), sum, 0.0f);
        dst(k, x, y, kb, n) = result_(k, x, y, kb, n);
        bits_(x, y, kb, n) += bit_if(reinterpret<int32_t>(result_(lanes_, x, y, kb, n)) != 0, lanes_);
        (*mask_)(x, y, kb, n) = bits_(x, y, kb, n);
    }

    void schedule() {
        declare_lanes(conv);
        declare_lanes(taps);
        declare_lanes(dst);
        Func out(dst);
        added_.compute_root().bound(k, 0, kLanes).vectorize(k).parallel(kb);
        inside_.compute_at(added_, x).vectorize(k).update().vectorize(k);
        out.bound(k, 0, kLanes).vectorize(k).parallel(kb).parallel(n);
        if (mask_ == nullptr) return;
        declare_mask_of(*mask_, dst);
        Func mask(*mask_);
        mask.parallel(kb).parallel(n);
        out.compute_with(mask, x);
        result_.compute_at(mask, x).vectorize(k);
        bits_.compute_at(mask, x).update().atomic().vectorize(lanes_);
    }

  private:
    Var k{"k"}, x{"x"}, y{"y"}, kb{"kb"}, n{"n"};
    RDom tap_, lanes_{0, kLanes};
    GeneratorOutput<Buffer<uint16_t, 4>>* mask_ = nullptr;
    Func inside_{"inside"}, added_{"added"}, result_{"result"}, bits_{"bits"};
};

// Of sums along an axis for each of its taps: the outputs where it is inside the image; and, as one tap more,
// all outputs. In the core all taps are inside, so outputs there are added once for all of them.
struct TapSums1D {
    RDom core, before, behind;

    TapSums1D() = default;
    TapSums1D(const TapAxis& axis, const Expr& outputs, const Expr& taps, const Var& tap)
        : core(0, outputs), before(0, outputs), behind(0, outputs) {
        const Expr first = axis.core_first(outputs), end = axis.core_end(outputs, taps);
        core.where(core >= first);
        core.where(core < end);
        before.where(before < first);
        behind.where(behind >= end);
        for (RDom* edge : {&before, &behind}) edge->where(tap == taps || axis.is_inside(*edge, tap));
    }
};

// diff_dst summed over the pixels where a tap is inside the image, for each tap; and over all pixels.
class TapGradients : public Generator<TapGradients> {
  public:
    Input<Buffer<float, 5>> diff_dst{"diff_dst"};
    Input<int> src_height{"src_height"};
    Input<int> src_width{"src_width"};
    Input<int> stride{"stride"};
    Input<int> top{"top"};
    Input<int> left{"left"};
    Output<Buffer<float, 4>> sums{"sums"};
    Output<Buffer<float, 2>> totals{"totals"};

    // Rows first, then images: short chains, and little rounding.
    void generate() {
        const Expr taps_x = sums.dim(2).extent(), taps_y = sums.dim(3).extent();
        across_ = {{src_width, stride, left}, diff_dst.dim(1).extent(), taps_x, s};
        down_ = {{src_height, stride, top}, diff_dst.dim(2).extent(), taps_y, r};
        const auto pixel = [&](const Expr& x) { return diff_dst(k, x, y, kb, n); };
        row_core_(k, y, kb, n) += pixel(across_.core);
        row_(k, s, y, kb, n) = row_core_(k, y, kb, n);
        for (const RDom& edge : {across_.before, across_.behind}) row_(k, s, y, kb, n) += pixel(edge);
        image_core_(k, s, kb, n) += row_(k, s, down_.core, kb, n);
        image_(k, s, r, kb, n) = image_core_(k, s, kb, n);
        for (const RDom& edge : {down_.before, down_.behind})
            image_(k, s, r, kb, n) += row_(k, s, edge, kb, n);
        of_image_(k, s, r, kb, n) = image_(k, s, r, kb, n);

        const RDom images(0, diff_dst.dim(4).extent());
        sums(k, kb, s, r) += of_image_(k, s, r, kb, images);
        totals(k, kb) += of_image_(k, taps_x, taps_y, kb, images);
    }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(sums);
        declare_lanes(totals);
        for (Func output : {Func(sums), Func(totals)}) output.vectorize(k).update().vectorize(k);
        of_image_.compute_root().bound(k, 0, kLanes).vectorize(k).parallel(kb).parallel(n);
        for (Func f : {row_core_, row_, image_core_, image_}) {
            f.compute_at(of_image_, kb).vectorize(k);
            for (int i = 0; i < f.num_update_definitions(); ++i) f.update(i).vectorize(k);
        }
        row_core_.compute_at(row_, y);
    }

  private:
    Var k{"k"}, s{"s"}, r{"r"}, y{"y"}, kb{"kb"}, n{"n"};
    TapSums1D across_, down_;
    Func row_core_{"row_core"}, row_{"row"}, image_core_{"image_core"}, image_{"image"};
    Func of_image_{"of_image"};
};

class ScaleWeights : public Generator<ScaleWeights> {
  public:
    Input<Buffer<float, 2>> src{"src"};
    Input<float> scale{"scale"};
    Output<Buffer<float, 2>> dst{"dst"};

    void generate() { dst(l, i) = scale * src(l, i); }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        Var task("task");
        dst.split(i, task, i, 1024, TailStrategy::GuardWithIf).vectorize(l).parallel(task);
    }

  private:
    Var l{"l"}, i{"i"};
};

// Products of weights and their gradient, summed per output channel.
class WeightsDot : public Generator<WeightsDot> {
  public:
    Input<Buffer<float, 3>> a{"a"};  // (k lane, everything else, k block)
    Input<Buffer<float, 3>> b{"b"};
    Output<Buffer<float, 2>> dot{"dot"};

    void generate() {
        i_ = RDom(0, a.dim(1).extent());
        sum_(k, kb) += a(k, i_, kb) * b(k, i_, kb);
        dot(k, kb) = sum_(k, kb);
    }

    void schedule() {
        declare_lanes(a);
        declare_lanes(b);
        declare_lanes(dot);
        dot.vectorize(k).parallel(kb);
        sum_.compute_at(dot, kb).vectorize(k).update().vectorize(k);
    }

  private:
    Var k{"k"}, kb{"kb"};
    RDom i_;
    Func sum_{"sum"};
};

// diff_weights = scale * (diff_weights + before * sums of its tap) for every input channel, in place.
class UnfoldGradients : public Generator<UnfoldGradients> {
  public:
    Input<Buffer<float, 4>> sums{"sums"};
    Input<float> before{"before"};
    Input<float> scale{"scale"};
    Input<int> channels{"channels"};  // C: beyond, gradients stay zero
    Output<Buffer<float, 6>> diff_weights{"diff_weights"};

    void generate() {
        diff_weights(k, c, s, r, cb, kb) = undef<float>();
        const Expr added = select(cb * kLanes + c < channels, before * sums(k, kb, s, r), 0.0f);
        diff_weights(k, c, s, r, cb, kb) = scale * (diff_weights(k, c, s, r, cb, kb) + added);
    }

    void schedule() {
        declare_lanes(sums);
        declare_lanes(diff_weights);
        diff_weights.update().vectorize(k).parallel(cb).parallel(kb);
    }

  private:
    Var k{"k"}, c{"c"}, s{"s"}, r{"r"}, cb{"cb"}, kb{"kb"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(AddShift, add_shift)
HALIDE_REGISTER_GENERATOR(ScaleWeights, scale_weights)
HALIDE_REGISTER_GENERATOR(TapGradients, tap_gradients)
HALIDE_REGISTER_GENERATOR(TapSums, tap_sums)
HALIDE_REGISTER_GENERATOR(UnfoldGradients, unfold_gradients)
HALIDE_REGISTER_GENERATOR(WeightsDot, weights_dot)
