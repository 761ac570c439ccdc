// Convolution plans: three passes over NCHW16c tensors, each computed by the kernel that suits the zeros of
// its operand.
#pragma once

#include <memory>
#include <span>

#include "sparsetrain/error.h"
#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// Which kernel a plan runs. `automatic` ("auto") chooses per call from the zeros it observes (see Choice).
// `output_mask` is a way to compute bwd_data only: a plan that asks for it must give backward_data a mask,
// and computes the other passes dense.
enum class Policy { automatic, dense, zero_skip, output_mask };

SPARSETRAIN_API const char* to_string(Policy policy);

SPARSETRAIN_API std::span<const Policy> policies();  // all there are
SPARSETRAIN_API Policy policy_of(Kernel kernel);     // that which runs it wherever it exists

// The inverse of to_string(Policy). Throws Error(invalid_argument) for any other word.
SPARSETRAIN_API Policy policy_from_string(const char* word);

// How a plan of policy `automatic` chooses.
enum class Choice {
    // By what its own calls took: where the tables' costs of kernels are close, each serves a few calls, then
    // the fastest, until zeros have changed. Results may differ from run to run in the order of their sums.
    measured,
    // By the tables alone, so that a choice depends on the call's shapes and zeros and nothing else: equal
    // runs give equal bits. For all plans, if the environment variable SPARSETRAIN_CHOICE is "tables".
    tables
};

SPARSETRAIN_API const char* to_string(Choice choice);
SPARSETRAIN_API std::span<const Choice> choices();  // all there are
// The inverse of to_string(Choice). Throws Error(invalid_argument) for any other word.
SPARSETRAIN_API Choice choice_from_string(const char* word);

// Rows and columns of zeros around src.
struct Padding {
    int top = 0, left = 0, bottom = 0, right = 0;
    bool operator==(const Padding&) const = default;
};

struct ConvShape {
    Shape src;         // N, C, H, W
    int k = 0;         // output channels
    int filter_h = 3;  // R
    int filter_w = 3;  // S
    int stride = 1;    // in both directions
    Padding padding;   // each from 0 to R - 1 (top, bottom) or S - 1 (left, right)
    int dilation = 1;  // no other is supported
    int groups = 1;    // no other is supported

    Shape dst() const {
        return {src.n, k, (src.h + padding.top + padding.bottom - filter_h) / stride + 1,
                (src.w + padding.left + padding.right - filter_w) / stride + 1};
    }
    WeightsShape weights() const { return {k, src.c, filter_h, filter_w}; }
    // Multiply-adds count as two; padded taps count.
    double flops() const {
        const Shape d = dst();
        return 2.0 * src.n * k * src.c * filter_h * filter_w * d.h * d.w;
    }
};

// Weights as the kernels read them: private packings of a master copy that the caller owns, made when a
// kernel first needs one and again after mark_changed(). Safe to share between threads, except that the
// master may not change, nor mark_changed() be called, while a pass runs.
class SPARSETRAIN_API PackedWeights {
  public:
    // How long packings last: until mark_changed(), in memory of this object; or for the call that made them,
    // in its Workspace's, where weights change between calls as they do in training. That is the largest
    // packing of a network once, not every one that its kernels read.
    enum class Keep { until_changed, for_a_call };

    // Keeps a reference to `master`, whose memory must outlive this object. Throws Error(invalid_argument)
    // for a null or misaligned pointer or a size below 1.
    explicit PackedWeights(ConstWeightsView master, Keep keep = Keep::until_changed);
    ~PackedWeights();
    PackedWeights(PackedWeights&&) noexcept;
    PackedWeights& operator=(PackedWeights&&) noexcept;

    // Says that the master's values changed, as after an optimiser's step.
    void mark_changed();
    ConstWeightsView master() const;

    class Impl;  // private to the library
    Impl& impl() const;

  private:
    std::unique_ptr<Impl> impl_;
};

// What a call of a pass did.
struct RunStatistics {
    Pass pass = Pass::fwd;
    Kernel kernel = Kernel::dense;
    // What the kernel skips the zeros of, or another would have where dense ran: src in fwd, diff_dst in
    // bwd_data unless a relu_mask says more of src, the sparser of the two in bwd_weights.
    Operand skipped = Operand::src;
    double zeros = 0;       // percentage of zeros seen in `skipped`
    bool skips = false;     // whether the kernel left out their products, or the results that they stand for
    bool is_trial = false;  // whether Choice::measured ran it to learn what it takes
};

// A plan for one convolution, usable from many threads at once, each with its own Workspace. It is immutable
// but for what it learns from its calls under Choice::measured.
//
// Every pass throws Error(invalid_argument) for a shape, layout, null or misaligned pointer that does not fit
// the plan, naming the expected and the given value, and for an output that overlaps another argument. Every
// call on a plan, weights or a Workspace that were moved from does, too.
//
// zero_skip skips 0 * Inf and 0 * NaN, so it can hide non-finite weights; Policy::dense does not, but where
// padding is concerned, which every kernel is free to skip. -0.0 is a zero. Sums are made in a fixed order
// for a kernel and thread count; RunStatistics says which kernel ran.
class SPARSETRAIN_API Conv2d {
  public:
    // Throws Error(invalid_argument) for sizes that make no convolution or a policy or choice that is none,
    // and Error(unsupported) for a layer class that is not linked (the message lists those that are),
    // dilation, groups, a CPU that the library is not compiled for, or a value of SPARSETRAIN_VERBOSE (see
    // library.h) or SPARSETRAIN_CHOICE that is none.
    explicit Conv2d(const ConvShape& shape, Policy policy = Policy::automatic,
                    Choice choice = Choice::measured);
    ~Conv2d();
    Conv2d(Conv2d&&) noexcept;
    Conv2d& operator=(Conv2d&&) noexcept;

    const ConvShape& shape() const;
    Policy policy() const;
    Choice choice() const;
    const char* layer_class() const;  // for example "conv3x3_stride1"
    // About how much scratch memory its calls take of a Workspace with so many threads, in bytes.
    std::size_t scratch_bytes(int threads) const;

    // dst = conv(src, weights) + bias. `bias` holds K values, or none for zero.
    RunStatistics forward(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                          TensorView dst, Workspace& workspace) const;

    // dst = max(0, conv(src, weights) + bias), and its exact occupancy mask. NaN stays NaN, and its bit is
    // set.
    RunStatistics forward_relu(SparseInput src, const PackedWeights& weights, std::span<const float> bias,
                               TensorView dst, MaskView dst_mask, Workspace& workspace) const;

    // diff_src from diff_dst. To give `relu_mask`, the mask of the ReLU whose output is src, asks for the
    // result with that ReLU's backward already applied: diff_src is zero where the mask has no bit. (To apply
    // it once more is harmless.) That lets a kernel compute only what survives, even where diff_dst is dense.
    // Bits of channels beyond C must be clear. Throws Error(unsupported) for a class without this pass
    // (LayerClassInfo::backward_data).
    RunStatistics backward_data(SparseInput diff_dst, const PackedWeights& weights, TensorView diff_src,
                                Workspace& workspace, ConstMaskView relu_mask = {}) const;

    // diff_weights in the master layout, and diff_bias (K values, or none if it is not wanted). zero_skip
    // skips the zeros of the sparser operand, src or diff_dst; RunStatistics says which. Masks give their
    // exact zeros; those of an operand without one are estimated from a sample of rows.
    RunStatistics backward_weights(SparseInput src, SparseInput diff_dst, WeightsView diff_weights,
                                   std::span<float> diff_bias, Workspace& workspace) const;

    class Impl;  // private to the library

  private:
    const Impl& impl() const;

    std::unique_ptr<Impl> impl_;
};

}  // namespace sparsetrain
