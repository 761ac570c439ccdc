#include "train/operators/pools.h"

namespace sparsetrain::train {

namespace {

// If src is a ReLU's output, its maxima are as good as one.
ValueType pooled(const ValueType& src, const PoolWindow& window) {
    const Shape dst = window.dst(src.shape.of(1));
    return {{dst.c, dst.h, dst.w}, true, src.rectified};
}

}  // namespace

MaxPool::MaxPool(const std::string& name, const Value& src, const PoolWindow& window)
    : Operator(name, pooled(src.type, window)), window_(window) {}

void MaxPool::forward(const ForwardCall& call) {
    max_pool_forward(call.srcs[0].tensor, window_, call.dst, call.dst_mask, call.saved,
                     call.context.workspace);
}

void MaxPool::backward(const BackwardCall& call) {
    const Gradient& diff_src = call.diff_srcs[0];
    if (diff_src.tensor.data == nullptr) return;
    max_pool_backward(call.diff_dst.tensor, call.saved, window_, call.srcs[0].relu_mask(), diff_src.tensor,
                      diff_src.mask, call.context.workspace);
}

AdaptiveAveragePool::AdaptiveAveragePool(const std::string& name, const Value& src, int height, int width)
    : Operator(name, {{src.type.shape.c, height, width}}) {}

void AdaptiveAveragePool::forward(const ForwardCall& call) {
    adaptive_average_pool_forward(call.srcs[0].tensor, call.dst, call.context.workspace);
}

void AdaptiveAveragePool::backward(const BackwardCall& call) {
    const TensorView diff_src = call.diff_srcs[0].tensor;
    if (diff_src.data == nullptr) return;
    adaptive_average_pool_backward(call.diff_dst.tensor, diff_src, call.context.workspace);
}

GlobalAveragePool::GlobalAveragePool(const std::string& name, const Value& src)
    : Operator(name, {{src.type.shape.c, 1, 1}}) {}

void GlobalAveragePool::forward(const ForwardCall& call) {
    global_average_pool_forward(call.srcs[0].tensor, call.dst, call.context.workspace);
}

void GlobalAveragePool::backward(const BackwardCall& call) {
    const TensorView diff_src = call.diff_srcs[0].tensor;
    if (diff_src.data == nullptr) return;
    global_average_pool_backward(call.diff_dst.tensor, call.srcs[0].relu_mask(), diff_src,
                                 call.context.workspace);
}

}  // namespace sparsetrain::train
