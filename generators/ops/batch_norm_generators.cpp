// Batch normalisation: what a batch's channels are like, the normalisation itself with what may follow it,
// and its backward. Buffers: tensors (lane, pixel, channel block, image), masks (pixel, channel block,
// image), channels (lane, channel block), which are zero beyond the last channel.
#include <Halide.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "generators/lanes.h"
#include "generators/ops/pixel_loops.h"
#include "generators/relu.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

// Pixels that are summed in float, at most.
constexpr int kBlock = 256;
// Sums of a block that are independent of each other: an addition takes 3 to 4 cycles.
constexpr int kChains = 4;

// The loops over images and channel blocks of a Func: a task is a channel block of as many images as make
// kTaskPixels. (Not fused: of a fused variable Halide 21 takes the
// region of a producer of two outputs for the whole tensor.)
void traverse(Func f, const Var& cb, const Var& n, const Expr& pixels, const std::vector<VarOrRVar>& inner) {
    Var first("first"), image("image");
    std::vector<VarOrRVar> order = inner;
    order.insert(order.end(), {image, cb, first});
    f.compute_root()
        .split(n, first, image, max(kTaskPixels / pixels, 1), TailStrategy::GuardWithIf)
        .reorder(order)
        .parallel(cb)
        .parallel(first);
}

// Sums over the pixels of a block, in chains. An image has as few blocks as it can, and all but the last are
// equally large, of whole rounds of the chains.
class BlockSums {
  public:
    Var l{"l"}, chain{"chain"}, block{"block"}, cb{"cb"}, n{"n"};

    explicit BlockSums(const Expr& its_pixels)
        : pixels(its_pixels),
          most(parts(parts(pixels, parts(pixels, kBlock)), kChains) * kChains),
          round(0, most / kChains),
          rest(0, kChains) {
        round.where(round < count(block) / kChains);
        rest.where(rest < count(block) % kChains);
    }

    Expr blocks() const { return parts(pixels, most); }
    Expr first_pixel() const { return block * most; }
    Expr count(const Expr& of_block) const { return min(pixels - of_block * most, most); }

    // The chains' sums of the first of two terms, and of their product; `terms_at` has them for a pixel.
    Func chains_of(const std::function<Tuple(Expr)>& terms_at) const {
        Func sums("sums");
        sums(l, chain, block, cb, n) = Tuple(0.0f, 0.0f);
        const auto add = [&](const Expr& to, const Expr& i) {
            const Tuple before = sums(l, to, block, cb, n);
            const Tuple terms = terms_at(unsafe_promise_clamped(first_pixel() + i, 0, pixels - 1));
            sums(l, to, block, cb, n) = Tuple(before[0] + terms[0], before[1] + terms[0] * terms[1]);
        };
        add(chain, round * kChains + chain);
        add(rest, count(block) / kChains * kChains + rest);
        return sums;
    }
    Expr total(Func sums, int which) const {
        Expr all = sums(l, 0, block, cb, n)[which];
        for (int i = 1; i < kChains; ++i) all += sums(l, i, block, cb, n)[which];
        return all;
    }

    // The schedule of chains_of within the blocks of `parts`.
    void schedule(Func sums, Func parts) const {
        sums.compute_at(parts, block).vectorize(l).unroll(chain);
        sums.update(0).reorder(l, chain, round).vectorize(l).unroll(chain);
        sums.update(1).vectorize(l).unroll(rest);
        traverse(parts, cb, n, pixels, {l, block});
        parts.bound(l, 0, kLanes).vectorize(l);
    }

  private:
    static Expr parts(const Expr& of, const Expr& size) { return (of + size - 1) / size; }

    Expr pixels, most;
    RDom round, rest;
};

// Mean and (biased) variance of each channel. Sums of a block are of distances from about its mean, so that a
// mean of a thousand deviations costs no digit of the variance: that of its first kSample pixels. It is
// within sqrt(kBlock / kSample) deviations of the block's mean, whatever the others are, so what is
// subtracted from the squares is at most kBlock / kSample times what is left. Blocks are put together in
// double.
class BatchStatistics : public Generator<BatchStatistics> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 2>> mean{"mean"};
    Output<Buffer<float, 2>> variance{"variance"};

    void generate() {
        const Expr pixels = src.dim(1).extent(), images = src.dim(3).extent();
        in_ = std::make_unique<BlockSums>(pixels);
        const BlockSums& in = *in_;
        const auto at = [&](const Expr& pixel) { return src(in.l, pixel, in.cb, in.n); };
        const Expr first = at(in.first_pixel());
        Expr beyond_first = 0.0f;
        for (int i = 1; i < kSample; ++i) beyond_first += at(min(in.first_pixel() + i, pixels - 1)) - first;
        near_mean_(in.l, in.block, in.cb, in.n) = strict_float(first + beyond_first * (1.0f / kSample));
        const Expr near_mean = near_mean_(in.l, in.block, in.cb, in.n);
        sums_ = in.chains_of([&](const Expr& pixel) {
            const Expr distance = at(pixel) - near_mean;
            return Tuple(distance, distance);
        });
        const Expr sum = in.total(sums_, 0), beyond_near_mean = sum / cast<float>(in.count(in.block));
        parts_(in.l, in.block, in.cb, in.n) =
            Tuple(near_mean, beyond_near_mean, in.total(sums_, 1) - sum * beyond_near_mean);

        const RDom all(0, in.blocks(), 0, images);
        const Expr count = cast<double>(in.count(all.x));
        const Expr total = cast<double>(pixels) * cast<double>(images);
        const auto part = [&](int i) { return cast<double>(parts_(l, all.x, cb, all.y)[i]); };
        mean_sum_(l, cb) += count * (part(0) + part(1));
        exact_mean_(l, cb) = mean_sum_(l, cb) / total;
        const Expr from_mean = part(0) + part(1) - exact_mean_(l, cb);
        square_sum_(l, cb) += part(2) + count * from_mean * from_mean;
        mean(l, cb) = cast<float>(exact_mean_(l, cb));
        variance(l, cb) = cast<float>(square_sum_(l, cb) / total);
    }

    void schedule() {
        declare_lanes(src);
        for (auto* channels : {&mean, &variance}) {
            declare_lanes(*channels);
            Func(*channels).bound(l, 0, kLanes).vectorize(l);
        }
        in_->schedule(sums_, parts_);
        near_mean_.compute_at(parts_, in_->block).vectorize(in_->l);
        Func(mean).parallel(cb);
        Func(variance).parallel(cb);
        exact_mean_.compute_root().bound(l, 0, kLanes).vectorize(l).parallel(cb);
        mean_sum_.compute_at(exact_mean_, cb).vectorize(l).update().vectorize(l);
        square_sum_.compute_at(Func(variance), cb).vectorize(l).update().vectorize(l);
    }

  private:
    static constexpr int kSample = 16;
    Var l{"l"}, cb{"cb"};
    std::unique_ptr<BlockSums> in_;
    Func sums_, near_mean_{"near_mean"}, parts_{"parts"};
    Func mean_sum_{"mean_sum"}, exact_mean_{"exact_mean"}, square_sum_{"square_sum"};
};

// dst = (src - mean) * scale / sqrt(variance + epsilon) + shift; or that through ReLU, with its mask; or with
// another tensor added before the ReLU.
class BatchNormForward : public Generator<BatchNormForward> {
  public:
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "relu" or "add_relu"
    Input<Buffer<float, 4>> src{"src"};
    Input<Buffer<float, 2>> mean{"mean"};
    Input<Buffer<float, 2>> variance{"variance"};
    Input<Buffer<float, 2>> scale{"scale"};
    Input<Buffer<float, 2>> shift{"shift"};
    Input<float> epsilon{"epsilon"};

    void configure() {
        if (epilogue.value() == "add_relu") addend_ = add_input<Buffer<float, 4>>("addend");
        dst_ = add_output<Buffer<float, 4>>("dst");
        if (epilogue.value() != "plain") mask_ = add_output<Buffer<uint16_t, 3>>("mask");
    }

    void generate() {
        factor_(l, cb) = scale(l, cb) / sqrt(variance(l, cb) + epsilon);
        Expr normal = (src(l, p, cb, n) - mean(l, cb)) * factor_(l, cb) + shift(l, cb);
        if (addend_ != nullptr) normal += (*addend_)(l, p, cb, n);
        normal_(l, p, cb, n) = normal;
        if (mask_ == nullptr) {
            (*dst_)(l, p, cb, n) = normal_(l, p, cb, n);
            return;
        }
        (*dst_)(l, p, cb, n) = select(relu_keeps(normal_(l, p, cb, n)), normal_(l, p, cb, n), 0.0f);
        bits_(p, cb, n) += bit_if(relu_keeps(normal_(lanes_, p, cb, n)), lanes_);
        (*mask_)(p, cb, n) = bits_(p, cb, n);
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(*dst_);
        if (addend_ != nullptr) declare_lanes(*addend_);
        for (auto* channels : {&mean, &variance, &scale, &shift}) declare_lanes(*channels);
        factor_.compute_root().bound(l, 0, kLanes).vectorize(l);
        const Expr pixels = src.dim(1).extent();
        traverse(Func(*dst_), cb, n, pixels, {l, p});
        Func(*dst_).bound(l, 0, kLanes).vectorize(l);
        if (mask_ == nullptr) return;
        declare_mask_of(*mask_, *dst_);
        traverse(Func(*mask_), cb, n, pixels, {p});
        Func(*dst_).compute_with(Func(*mask_), p);
        bits_.compute_at(Func(*mask_), p).update().atomic().vectorize(lanes_);
    }

  private:
    Var l{"l"}, p{"p"}, cb{"cb"}, n{"n"};
    RDom lanes_{0, kLanes};
    GeneratorInput<Buffer<float, 4>>* addend_ = nullptr;
    GeneratorOutput<Buffer<float, 4>>* dst_ = nullptr;
    GeneratorOutput<Buffer<uint16_t, 3>>* mask_ = nullptr;
    Func factor_{"factor"}, normal_{"normal"}, bits_{"bits"};
};

// What the backward of a ReLU behind the normalisation leaves of a gradient, if there is one.
class GradientParameter {
  public:
    GeneratorInput<Buffer<float, 4>>* diff_dst = nullptr;
    GeneratorInput<Buffer<uint16_t, 3>>* mask = nullptr;

    Expr at(const Expr& l, const Expr& p, const Expr& cb, const Expr& n) const {
        const Expr value = (*diff_dst)(l, p, cb, n);
        return mask == nullptr ? value : select(bit_of((*mask)(p, cb, n), l), value, 0.0f);
    }
};

// Of each channel: the gradients of shift, the sum of diff_dst, and of scale, the sum of diff_dst times the
// normalised src.
class BatchNormBackwardSums : public Generator<BatchNormBackwardSums> {
  public:
    // Or "relu": diff_dst counts where a mask has a bit.
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};
    Input<Buffer<float, 4>> src{"src"};
    Input<Buffer<float, 2>> mean{"mean"};
    Input<Buffer<float, 2>> variance{"variance"};
    Input<float> epsilon{"epsilon"};
    Output<Buffer<float, 2>> diff_shift{"diff_shift"};
    Output<Buffer<float, 2>> diff_scale{"diff_scale"};

    void configure() {
        gradient_.diff_dst = add_input<Buffer<float, 4>>("diff_dst");
        if (epilogue.value() != "plain") gradient_.mask = add_input<Buffer<uint16_t, 3>>("mask");
    }

    void generate() {
        const Expr pixels = src.dim(1).extent(), images = src.dim(3).extent();
        in_ = std::make_unique<BlockSums>(pixels);
        const BlockSums& in = *in_;
        sums_ = in.chains_of([&](const Expr& pixel) {
            return Tuple(gradient_.at(in.l, pixel, in.cb, in.n),
                         src(in.l, pixel, in.cb, in.n) - mean(in.l, in.cb));
        });
        parts_(in.l, in.block, in.cb, in.n) = Tuple(in.total(sums_, 0), in.total(sums_, 1));

        const RDom all(0, in.blocks(), 0, images);
        totals_(l, cb) = Tuple(cast<double>(0), cast<double>(0));
        const Tuple part = parts_(l, all.x, cb, all.y);
        totals_(l, cb) =
            Tuple(totals_(l, cb)[0] + cast<double>(part[0]), totals_(l, cb)[1] + cast<double>(part[1]));
        diff_shift(l, cb) = cast<float>(totals_(l, cb)[0]);
        diff_scale(l, cb) =
            cast<float>(totals_(l, cb)[1] / sqrt(cast<double>(variance(l, cb)) + cast<double>(epsilon)));
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(*gradient_.diff_dst);
        for (auto* channels : {&mean, &variance}) declare_lanes(*channels);
        for (auto* channels : {&diff_shift, &diff_scale}) {
            declare_lanes(*channels);
            Func(*channels).bound(l, 0, kLanes).vectorize(l);
        }
        in_->schedule(sums_, parts_);
        totals_.compute_root()
            .bound(l, 0, kLanes)
            .vectorize(l)
            .parallel(cb)
            .update()
            .vectorize(l)
            .parallel(cb);
    }

  private:
    Var l{"l"}, cb{"cb"};
    GradientParameter gradient_;
    std::unique_ptr<BlockSums> in_;
    Func sums_, parts_{"parts"}, totals_{"totals"};
};

// diff_src of a batch's own statistics, which depend on src, and where a ReLU and an addition are behind the
// normalisation, the gradient of the addend: what that ReLU's backward leaves of diff_dst.
class BatchNormBackward : public Generator<BatchNormBackward> {
  public:
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "relu" or "add_relu"
    Input<Buffer<float, 4>> src{"src"};
    Input<Buffer<float, 2>> mean{"mean"};
    Input<Buffer<float, 2>> variance{"variance"};
    Input<Buffer<float, 2>> scale{"scale"};
    Input<Buffer<float, 2>> diff_shift{"diff_shift"};
    Input<Buffer<float, 2>> diff_scale{"diff_scale"};
    Input<float> epsilon{"epsilon"};

    void configure() {
        gradient_.diff_dst = add_input<Buffer<float, 4>>("diff_dst");
        if (epilogue.value() != "plain") gradient_.mask = add_input<Buffer<uint16_t, 3>>("mask");
        diff_src_ = add_output<Buffer<float, 4>>("diff_src");
        if (epilogue.value() == "add_relu") diff_addend_ = add_output<Buffer<float, 4>>("diff_addend");
    }

    void generate() {
        const Expr count = cast<float>(src.dim(1).extent()) * cast<float>(src.dim(3).extent());
        const Expr per_deviation = 1.0f / sqrt(variance(l, cb) + epsilon);
        const Expr factor = scale(l, cb) * per_deviation;
        factors_(l, cb) = Tuple(factor, -factor * diff_shift(l, cb) / count,
                                -factor * per_deviation * diff_scale(l, cb) / count);
        gradient_of_(l, p, cb, n) = gradient_.at(l, p, cb, n);
        const Tuple factors = factors_(l, cb);
        (*diff_src_)(l, p, cb, n) = gradient_of_(l, p, cb, n) * factors[0] + factors[1] +
                                    (src(l, p, cb, n) - mean(l, cb)) * factors[2];
        if (diff_addend_ != nullptr) (*diff_addend_)(l, p, cb, n) = gradient_of_(l, p, cb, n);
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(*gradient_.diff_dst);
        declare_lanes(*diff_src_);
        for (auto* channels : {&mean, &variance, &scale, &diff_shift, &diff_scale}) declare_lanes(*channels);
        factors_.compute_root().bound(l, 0, kLanes).vectorize(l);
        const Expr pixels = src.dim(1).extent();
        traverse(Func(*diff_src_), cb, n, pixels, {l, p});
        Func(*diff_src_).bound(l, 0, kLanes).vectorize(l);
        if (diff_addend_ == nullptr) return;
        declare_lanes(*diff_addend_);
        traverse(Func(*diff_addend_), cb, n, pixels, {l, p});
        Func(*diff_addend_).bound(l, 0, kLanes).vectorize(l);
        Func(*diff_addend_).compute_with(Func(*diff_src_), p);
    }

  private:
    Var l{"l"}, p{"p"}, cb{"cb"}, n{"n"};
    GradientParameter gradient_;
    GeneratorOutput<Buffer<float, 4>>*diff_src_ = nullptr, *diff_addend_ = nullptr;
    Func factors_{"factors"}, gradient_of_{"gradient"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(BatchNormBackward, batch_norm_backward)
HALIDE_REGISTER_GENERATOR(BatchNormBackwardSums, batch_norm_backward_sums)
HALIDE_REGISTER_GENERATOR(BatchStatistics, batch_statistics)
HALIDE_REGISTER_GENERATOR(BatchNormForward, batch_norm_forward)
