#include "train/operators/concatenation.h"

#include "checks.h"
#include "sparsetrain/concat.h"

namespace sparsetrain::train {

namespace {

ValueType whole_of(const std::vector<Value>& parts) {
    if (parts.empty()) detail::throw_invalid("Concatenation", "parts", "at least one", "none");
    ValueType whole{parts.front().type.shape, false, false};
    whole.shape.c = 0;
    for (const Value& part : parts) {
        ValueShape expected = whole.shape;
        expected.c = part.type.shape.c;
        if (part.type.shape != expected)
            detail::throw_invalid("Concatenation", "parts", detail::to_text(expected.of(2)),
                                  detail::to_text(part.type.shape.of(2)));
        whole.shape.c += part.type.shape.c;
        whole.has_mask |= part.type.has_mask;
        whole.rectified |= part.type.rectified;
    }
    return whole;
}

}  // namespace

Concatenation::Concatenation(const std::string& name, const std::vector<Value>& parts)
    : Operator(name, whole_of(parts)) {
    int channels = 0;
    for (const Value& part : parts) {
        parts_.push_back({channels, part.type.rectified});
        channels += part.type.shape.c;
    }
}

// If the result is rectified, diff_dst comes with the backward of the parts' ReLUs, and with a mask, which
// may have fewer bits than theirs.
GradientType Concatenation::gradient_type(int src) const {
    if (parts_[static_cast<std::size_t>(src)].rectified) return {.zeros = GradientType::Zeros::own_mask};
    return {};
}

void Concatenation::forward(const ForwardCall& call) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        const Activation& part = call.srcs[i];
        const ConstMaskView mask = result().rectified ? part.relu_mask() : part.mask;
        write_channels({part.tensor, mask}, parts_[i].first_channel, call.dst, call.dst_mask,
                       call.context.workspace);
    }
}

void Concatenation::backward(const BackwardCall& call) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        const Gradient& diff_src = call.diff_srcs[i];
        if (diff_src.tensor.data == nullptr) continue;
        read_channels(call.diff_dst, parts_[i].first_channel, diff_src.tensor, diff_src.mask,
                      call.context.workspace);
    }
}

}  // namespace sparsetrain::train
