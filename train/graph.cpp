#include "train/graph.h"

#include <algorithm>
#include <utility>

#include "checks.h"

namespace sparsetrain::train {

Graph::Graph(ValueShape images) : types_{{images, false, false}} {
    detail::check_shape("Graph", "images", images.of(1));
}

Value Graph::add(std::unique_ptr<Operator> op, const std::vector<Value>& srcs) {
    Node node{std::move(op), {}};
    for (const Value& src : srcs) node.srcs.push_back(src.id);
    types_.push_back(node.op->result());
    nodes_.push_back(std::move(node));
    return {values() - 1, types_.back()};
}

std::vector<Parameter*> parameters_of(const Graph& graph) {
    std::vector<Parameter*> parameters;
    for (const Graph::Node& node : graph.nodes())
        for (Parameter* parameter : node.op->parameters())
            if (std::ranges::find(parameters, parameter) == parameters.end()) parameters.push_back(parameter);
    return parameters;
}

}  // namespace sparsetrain::train
