#include "train/operators/concatenation.h"

#include "checks.h"
#include "sparsetrain/concat.h"

namespace sparsetrain::train {

namespace {

ValueType whole_of(const std::vector<Value>& parts) {
    if (parts.empty()) detail::throw_invalid("Concatenation", "parts", "at least one", "none");
    ValueType whole{{}, false, true};
    whole.shape = parts.front().type.shape;
    whole.shape.c = 0;
    for (const Value& part : parts) {
        ValueShape expected = whole.shape;
        expected.c = part.type.shape.c;
        if (part.type.shape != expected)
            detail::throw_invalid("Concatenation", "parts", detail::to_text(expected.of(2)),
                                  detail::to_text(part.type.shape.of(2)));
        whole.shape.c += part.type.shape.c;
        whole.has_mask |= part.type.has_mask;
        whole.rectified &= part.type.rectified;
    }
    return whole;
}

}  // namespace

Concatenation::Concatenation(const std::string& name, const std::vector<Value>& parts)
    : Operator(name, whole_of(parts)) {
    int channels = 0;
    for (const Value& part : parts) {
        first_channels_.push_back(channels);
        channels += part.type.shape.c;
    }
}

// If all parts are rectified, diff_dst comes with the backward of their ReLUs, and with a mask, which may
// have fewer bits than theirs. If some are not, it has none of these, and who is rectified often has other
// readers: then the pass that adds their gradients applies its ReLU's backward to all.
GradientType Concatenation::gradient_type(int /*src*/) const {
    if (result().rectified) return {.zeros = GradientType::Zeros::own_mask};
    return {};
}

void Concatenation::forward(const ForwardCall& call) {
    for (std::size_t i = 0; i < call.srcs.size(); ++i)
        write_channels(call.srcs[i], first_channels_[i], call.dst, call.dst_mask, call.context.workspace);
}

void Concatenation::backward(const BackwardCall& call) {
    for (std::size_t i = 0; i < call.diff_srcs.size(); ++i) {
        const Gradient& diff_src = call.diff_srcs[i];
        if (diff_src.tensor.data == nullptr) continue;
        read_channels(call.diff_dst, first_channels_[i], diff_src.tensor, diff_src.mask,
                      call.context.workspace);
    }
}

}  // namespace sparsetrain::train
