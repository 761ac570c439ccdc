// Fully connected layers. An NCHW16c image is one row of features, and weights in the master layout of an HxW
// filter have the same order. Buffers: src (feature, n); weights (k lane, feature, k block); bias (k lane, k
// block); dst (k lane, k block, n).
#include <Halide.h>

#include "generators/lanes.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

constexpr int kRowTile = 8;        // images or features per register tile
constexpr int kTaskFeatures = 16;  // vectors of features per task

// A matrix whose rows of features are whole, aligned vectors.
template <typename Matrix>
void declare_rows(Matrix& matrix) {
    matrix.set_host_alignment(64);
    matrix.dim(0).set_bounds(0, (matrix.dim(0).extent() / kLanes) * kLanes);
    matrix.dim(1).set_min(0);
    matrix.dim(1).set_stride((matrix.dim(1).stride() / kLanes) * kLanes);
}

class FullyConnectedForward : public Generator<FullyConnectedForward> {
  public:
    Input<Buffer<float, 2>> src{"src"};
    Input<Buffer<float, 3>> weights{"weights"};
    Input<Buffer<float, 2>> bias{"bias"};
    Output<Buffer<float, 3>> dst{"dst"};

    void generate() {
        r_ = RDom(0, src.dim(0).extent());
        const Expr row = min(n, src.dim(1).extent() - 1);
        acc_(k, kb, n) = bias(k, kb);
        acc_(k, kb, n) += src(r_, row) * weights(k, r_, kb);
        dst(k, kb, n) = acc_(k, kb, n);
    }

    void schedule() {
        declare_rows(src);
        declare_lanes(weights);
        declare_lanes(bias);
        declare_lanes(dst);
        Var no("no"), ni("ni");
        dst.split(n, no, ni, kRowTile, TailStrategy::GuardWithIf)
            .reorder(k, ni, kb, no)
            .vectorize(k)
            .parallel(no);
        acc_.compute_at(dst, kb)
            .store_in(MemoryType::Register)
            .bound_extent(n, kRowTile)
            .vectorize(k)
            .unroll(n);
        acc_.update().reorder(k, n, r_, kb).vectorize(k).unroll(n);
    }

  private:
    Var k{"k"}, kb{"kb"}, n{"n"};
    Func acc_{"acc"};
    RDom r_;
};

// Buffers: diff_dst (k, n); diff_src (feature lane, feature block, n).
class FullyConnectedBackwardData : public Generator<FullyConnectedBackwardData> {
  public:
    Input<Buffer<float, 2>> diff_dst{"diff_dst"};
    Input<Buffer<float, 3>> weights{"weights"};
    Output<Buffer<float, 3>> diff_src{"diff_src"};

    void generate() {
        r_ = RDom(0, diff_dst.dim(0).extent());
        const Expr row = min(n, diff_dst.dim(1).extent() - 1);
        transposed_(c, k, fb) = weights(k % kLanes, fb * kLanes + c, k / kLanes);
        acc_(c, fb, n) = 0.0f;
        acc_(c, fb, n) += transposed_(c, r_, fb) * diff_dst(r_, row);
        diff_src(c, fb, n) = acc_(c, fb, n);
    }

    void schedule() {
        declare_rows(diff_dst);
        declare_lanes(weights);
        declare_lanes(diff_src);
        Var no("no"), ni("ni"), task("task"), fi("fi");
        diff_src.split(fb, task, fi, kTaskFeatures, TailStrategy::GuardWithIf)
            .split(n, no, ni, kRowTile, TailStrategy::GuardWithIf)
            .reorder(c, ni, no, fi, task)
            .vectorize(c)
            .parallel(task);
        transposed_.compute_at(diff_src, task).bound_extent(c, kLanes).vectorize(c);
        acc_.compute_at(diff_src, no)
            .store_in(MemoryType::Register)
            .bound_extent(n, kRowTile)
            .vectorize(c)
            .unroll(n);
        acc_.update().reorder(c, n, r_, fb).vectorize(c).unroll(n);
    }

  private:
    Var c{"c"}, k{"k"}, fb{"fb"}, n{"n"};
    Func transposed_{"transposed"}, acc_{"acc"};
    RDom r_;
};

// Buffers: src (feature, n); diff_dst (k lane, k block, n); diff_weights (k lane, feature, k block).
class FullyConnectedBackwardWeights : public Generator<FullyConnectedBackwardWeights> {
  public:
    Input<Buffer<float, 2>> src{"src"};
    Input<Buffer<float, 3>> diff_dst{"diff_dst"};
    Output<Buffer<float, 3>> diff_weights{"diff_weights"};

    void generate() {
        r_ = RDom(0, src.dim(1).extent());
        acc_(k, f, kb) = 0.0f;
        acc_(k, f, kb) += src(f, r_) * diff_dst(k, kb, r_);
        diff_weights(k, f, kb) = acc_(k, f, kb);
    }

    // A tile of 16 features uses the whole cache line of every image's row.
    void schedule() {
        declare_rows(src);
        declare_lanes(diff_dst);
        declare_lanes(diff_weights);
        diff_weights.dim(1).set_extent((diff_weights.dim(1).extent() / kLanes) * kLanes);
        Var fo("fo"), fi("fi"), task("task");
        diff_weights.split(f, fo, fi, kLanes)
            .split(fo, task, fo, kTaskFeatures, TailStrategy::GuardWithIf)
            .reorder(k, fi, kb, fo, task)
            .vectorize(k)
            .parallel(task);
        acc_.compute_at(diff_weights, kb)
            .store_in(MemoryType::Register)
            .bound_extent(f, kLanes)
            .vectorize(k)
            .unroll(f);
        acc_.update().reorder(k, f, r_, kb).vectorize(k).unroll(f);
    }

  private:
    Var k{"k"}, f{"f"}, kb{"kb"};
    Func acc_{"acc"};
    RDom r_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(FullyConnectedForward, fully_connected_forward)
HALIDE_REGISTER_GENERATOR(FullyConnectedBackwardData, fully_connected_backward_data)
HALIDE_REGISTER_GENERATOR(FullyConnectedBackwardWeights, fully_connected_backward_weights)
