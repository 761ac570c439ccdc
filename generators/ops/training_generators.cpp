// The loss, the optimiser's step and the gradient of a bias.
#include <Halide.h>

#include <string>

#include "generators/lanes.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

// Buffers: logits and diff_logits (k, n), k rounded up to 16; labels, losses and hits (n). The target of an
// image is `weight` of its label and the rest of the other one, with a share of `smoothing` for every class.
// diff_logits is the gradient of the mean of the losses, zero beyond `classes`; a hit is 1 where the largest
// logit (the first of equals) is the label's.
class SoftmaxCrossEntropy : public Generator<SoftmaxCrossEntropy> {
  public:
    Input<Buffer<float, 2>> logits{"logits"};
    Input<Buffer<int32_t, 1>> labels{"labels"};
    Input<Buffer<int32_t, 1>> other_labels{"other_labels"};
    Input<float> weight{"weight"};
    Input<float> smoothing{"smoothing"};
    Input<int> classes{"classes"};
    Output<Buffer<float, 2>> diff_logits{"diff_logits"};
    Output<Buffer<float, 1>> losses{"losses"};
    Output<Buffer<uint8_t, 1>> hits{"hits"};

    void generate() {
        const RDom r(0, classes);
        const Expr label = clamp(labels(n), 0, classes - 1);
        const Expr other = clamp(other_labels(n), 0, classes - 1);
        top_(n) = maximum(logits(r, n));
        exp_(k, n) = select(k < classes, exp(logits(k, n) - top_(n)), 0.0f);
        total_(n) += exp_(r, n);
        // Logits relative to the largest: of a label, of both, and of all classes.
        below_(n) += logits(r, n) - top_(n);
        const auto relative = [&](const Expr& of) { return logits(of, n) - top_(n); };
        // What has no share does not count, whatever it is.
        const Expr of_label = select(weight > 0.0f, weight * relative(label), 0.0f);
        const Expr of_other = select(weight < 1.0f, (1.0f - weight) * relative(other), 0.0f);
        const Expr of_labels = of_label + of_other;
        const Expr of_all = select(smoothing > 0.0f, smoothing / cast<float>(classes) * below_(n), 0.0f);
        losses(n) = log(total_(n)) - ((1.0f - smoothing) * of_labels + of_all);
        hits(n) = cast<uint8_t>(argmax(logits(r, n))[0] == label);

        const Expr batch = cast<float>(logits.dim(1).extent());
        const Expr labelled = select(k == label, weight, 0.0f) + select(k == other, 1.0f - weight, 0.0f);
        const Expr spread = select(k < classes, smoothing / cast<float>(classes), 0.0f);
        const Expr expected = (1.0f - smoothing) * labelled + spread;
        diff_logits(k, n) = (exp_(k, n) / total_(n) - expected) / batch;
    }

    void schedule() {
        exp_.compute_root().vectorize(k, kLanes);
        top_.compute_root();
        total_.compute_root();
        below_.compute_root();
        diff_logits.vectorize(k, kLanes, TailStrategy::GuardWithIf);
    }

  private:
    Var k{"k"}, n{"n"};
    Func top_{"top"}, exp_{"exp"}, total_{"total"}, below_{"below"};
};

// momentum = momentum_factor * momentum + gradient + weight_decay * value; value -= learning_rate * momentum,
// or, by Nesterov, times what comes after that. In place: the outputs are read as well, and are aligned to
// vectors.
class Sgd : public Generator<Sgd> {
  public:
    GeneratorParam<std::string> rule{"rule", "plain"};  // or "nesterov"
    Input<Buffer<float, 1>> gradient{"gradient"};
    Input<float> learning_rate{"learning_rate"};
    Input<float> momentum_factor{"momentum_factor"};
    Input<float> weight_decay{"weight_decay"};
    Output<Func> state{"state", {Float(32), Float(32)}, 1};  // value, momentum

    void generate() {
        state(i) = Tuple(undef<float>(), undef<float>());
        const Expr value = state(i)[0], momentum = state(i)[1];
        const Expr next = momentum_factor * momentum + gradient(i) + weight_decay * value;
        Expr step = next;
        if (rule.value() == "nesterov") step = gradient(i) + weight_decay * value + momentum_factor * next;
        state(i) = Tuple(value - learning_rate * step, next);
    }

    void schedule() {
        constexpr int kTask = 1 << 14;
        Var task("task"), j("j"), lane("lane");
        Func(state)
            .update()
            .split(i, task, j, kTask, TailStrategy::GuardWithIf)
            .split(j, j, lane, kLanes)
            .vectorize(lane)
            .parallel(task);
    }

  private:
    Var i{"i"};
};

// sum(lane, block) over n, y and x of src (lane, x, y, block, n). Rows are summed first: short chains, of
// which several run at once, and little rounding.
class ChannelSum : public Generator<ChannelSum> {
  public:
    Input<Buffer<float, 5>> src{"src"};
    Output<Buffer<float, 2>> sum{"sum"};

    void generate() {
        const RDom images(0, src.dim(4).extent());
        columns_ = RDom(0, src.dim(1).extent());
        rows_ = RDom(0, src.dim(2).extent());
        row_(l, y, b, n) += src(l, columns_, y, b, n);
        image_(l, b, n) += row_(l, rows_, b, n);
        sum(l, b) += image_(l, b, images);
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(sum);
        sum.vectorize(l);
        sum.update().vectorize(l);
        image_.compute_root().bound(l, 0, kLanes).vectorize(l).parallel(n);
        image_.update().reorder(l, rows_, b, n).vectorize(l).parallel(n);
        row_.compute_at(image_, rows_).store_in(MemoryType::Register).vectorize(l);
        row_.update().vectorize(l);
    }

  private:
    Var l{"l"}, y{"y"}, b{"b"}, n{"n"};
    RDom columns_, rows_;
    Func row_{"row"}, image_{"image"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(SoftmaxCrossEntropy, softmax_cross_entropy)
HALIDE_REGISTER_GENERATOR(Sgd, sgd)
HALIDE_REGISTER_GENERATOR(ChannelSum, channel_sum)
