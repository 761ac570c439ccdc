#include "double_tape.h"

#include <stdexcept>
#include <utility>

namespace sparsetrain::test {

DoubleTensor zeros_of(const std::vector<int>& shape) {
    std::size_t count = 1;
    for (const int size : shape) {
        require(size > 0, "sizes of a tensor are positive, not those of " + text(shape));
        count *= static_cast<std::size_t>(size);
    }
    return {shape, std::vector<double>(count)};
}

std::string text(const std::vector<int>& shape) {
    std::string all;
    for (const int size : shape) all.append("[").append(std::to_string(size)).append("]");
    return all;
}

void require(bool holds, const std::string& expected) {
    if (!holds) throw std::invalid_argument("double_tape: expected " + expected);
}

const DoubleTensor& Variable::value() const {
    return *tape_->nodes_[index_].value;
}

std::vector<double>& Variable::gradient() const {
    std::vector<double>& gradient = tape_->nodes_[index_].gradient;
    if (gradient.empty()) gradient.resize(values().size());
    return gradient;
}

Variable DoubleTape::leaf(const DoubleTensor& value) {
    Node& node = nodes_.emplace_back();
    node.value = &value;
    return {this, nodes_.size() - 1};
}

Variable DoubleTape::record(DoubleTensor result, Backward backward) {
    Node& node = nodes_.emplace_back();
    node.result = std::move(result);
    node.value = &node.result;
    node.backward = std::move(backward);
    return {this, nodes_.size() - 1};
}

void DoubleTape::backward(Variable of, const std::vector<double>& diff_dst) {
    require(diff_dst.size() == of.values().size(), "a gradient of shape " + text(of.shape()));
    of.gradient() = diff_dst;
    for (std::size_t i = of.index_ + 1; i-- > 0;)
        if (nodes_[i].backward && !nodes_[i].gradient.empty()) nodes_[i].backward(nodes_[i].gradient);
}

}  // namespace sparsetrain::test
