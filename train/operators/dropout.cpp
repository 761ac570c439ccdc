#include "train/operators/dropout.h"

#include <algorithm>

#include "sparsetrain/dropout.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::train {

Dropout::Dropout(const std::string& name, const Value& src, float rate, std::uint64_t seed)
    : Operator(name, {src.type.shape, true, true}), rate_(rate), seed_(seed) {}

void Dropout::forward(const ForwardCall& call) {
    const Activation& src = call.srcs[0];
    if (call.context.mode == Mode::inference) {
        std::copy_n(src.tensor.data, src.tensor.shape.elements(), call.dst.data);
        occupancy_mask(call.dst, call.dst_mask, call.context.workspace);
        return;
    }
    if (call.context.updates_state) ++steps_;
    // Steps are odd multiples apart: no two of a seed's are those of the next.
    constexpr std::uint64_t kApart = 0x9E3779B97F4A7C15;
    dropout_forward({src.tensor, src.relu_mask()}, rate_, seed_ + kApart * steps_, call.dst, call.dst_mask,
                    call.context.workspace);
}

void Dropout::backward(const BackwardCall& call) {
    const TensorView diff_src = call.diff_srcs[0].tensor;
    if (diff_src.data == nullptr) return;
    dropout_backward(call.diff_dst.tensor, rate_, call.dst.mask, diff_src, call.context.workspace);
}

}  // namespace sparsetrain::train
