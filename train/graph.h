// A network before it has memory: operators, and which values each of them reads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "train/operator.h"

namespace sparsetrain::train {

// Operators in an order in which each comes after those whose results it reads. The last one's result is the
// network's: logits, as features.
class Graph {
  public:
    struct Node {
        std::unique_ptr<Operator> op;
        std::vector<int> srcs;  // ids of values
    };

    // Throws Error(invalid_argument) for a size below 1.
    explicit Graph(ValueShape images);

    Value images() const { return {0, types_.front()}; }

    // The result of `op`, which reads `srcs`.
    Value add(std::unique_ptr<Operator> op, const std::vector<Value>& srcs);

    std::span<const Node> nodes() const { return nodes_; }
    const ValueType& type_of(int value) const { return types_[static_cast<std::size_t>(value)]; }
    int values() const { return static_cast<int>(types_.size()); }

  private:
    std::vector<Node> nodes_;
    std::vector<ValueType> types_;
};

// Of all operators, each once, though several may share one.
std::vector<Parameter*> parameters_of(const Graph& graph);

}  // namespace sparsetrain::train
