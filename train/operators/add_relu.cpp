#include "train/operators/add_relu.h"

#include "checks.h"
#include "sparsetrain/join.h"

namespace sparsetrain::train {

AddRelu::AddRelu(const std::string& name, const Value& a, const Value& b)
    : Operator(name, {a.type.shape, true, true}) {
    if (a.type.shape != b.type.shape)
        detail::throw_invalid("AddRelu", "b", detail::to_text(a.type.shape.of(1)),
                              detail::to_text(b.type.shape.of(1)));
}

void AddRelu::forward(const ForwardCall& call) {
    add_relu(call.srcs[0].tensor, call.srcs[1].tensor, call.dst, call.dst_mask, call.context.workspace);
}

}  // namespace sparsetrain::train
