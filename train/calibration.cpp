#include "train/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "checks.h"

namespace sparsetrain::train {
namespace {

// A ReLU: the node whose output has its zeros, which comes after all that its shift changes.
struct Relu {
    int node;
    Parameter* shift;
};

std::vector<int> readers_of(const Graph& graph, int value) {
    std::vector<int> readers;
    for (int i = 0; i < static_cast<int>(graph.nodes().size()); ++i)
        if (std::ranges::count(graph.nodes()[static_cast<std::size_t>(i)].srcs, value) > 0)
            readers.push_back(i);
    return readers;
}

const Graph::Node& node_of(const Graph& graph, int i) {
    return graph.nodes()[static_cast<std::size_t>(i)];
}

// Of the operator itself, or, where it sums, of that of its first term.
Parameter* shift_of(const Graph& graph, int i) {
    if (Parameter* shift = node_of(graph, i).op->shift(); shift != nullptr) return shift;
    const int producer = node_of(graph, i).srcs.front() - 1;
    return producer < 0 ? nullptr : node_of(graph, producer).op->shift();
}

std::vector<Relu> all_relus(const Graph& graph) {
    std::vector<Relu> relus;
    for (int i = 0; i < static_cast<int>(graph.nodes().size()); ++i) {
        const Operator& op = *node_of(graph, i).op;
        if (!op.result().rectified || op.work() == Work::pool || op.work() == Work::dropout ||
            op.work() == Work::layout)
            continue;
        const std::vector<int> readers = readers_of(graph, i + 1);
        const bool is_pooled = readers.size() == 1 && node_of(graph, readers[0]).op->result().rectified &&
                               node_of(graph, readers[0]).op->work() == Work::pool;
        relus.push_back({is_pooled ? readers[0] : i, shift_of(graph, i)});
    }
    return relus;
}

// Values of the channels of a tensor: all, or every so many pixels where that are more than enough.
std::vector<float> sample_of(ConstTensorView tensor) {
    constexpr std::size_t kEnoughPixels = 1U << 17U;
    const Shape& shape = tensor.shape;
    const std::size_t planes =
        static_cast<std::size_t>(channel_blocks(shape.c)) * static_cast<std::size_t>(shape.n);
    const std::size_t area = shape.pixels() / planes;
    const std::size_t step = 1 + shape.pixels() / kEnoughPixels;
    std::vector<float> sample;
    for (std::size_t pixel = 0; pixel < shape.pixels(); pixel += step) {
        const auto block = static_cast<int>(pixel / area) % channel_blocks(shape.c);
        const float* first = tensor.data + pixel * kLanes;
        sample.insert(sample.end(), first, first + std::min(kLanes, shape.c - block * kLanes));
    }
    return sample;
}

double percentage_of_zeros(ConstTensorView tensor) {
    const std::vector<float> sample = sample_of(tensor);
    return 100.0 * static_cast<double>(std::ranges::count(sample, 0.0F)) / static_cast<double>(sample.size());
}

class Calibration {
  public:
    Calibration(Network& network, std::span<const float> images, int count)
        : forward_(network, images, count) {}

    // The nodes since the ReLU before are run again: some may work in place.
    double set_zeros(const Relu& relu, double percentage) {
        // Twice, as the first time the shift that leaves no zeros is a guess, and large ones cost digits.
        float raised = 64;
        for (int round = 0; round < 2; ++round) raised = raise(relu, raised);
        std::vector<float> values = sample_of(forward_.result(relu.node));
        const auto rank = static_cast<std::ptrdiff_t>(percentage / 100 * static_cast<double>(values.size()));
        std::ranges::nth_element(values, values.begin() + rank);
        const float threshold = values[static_cast<std::size_t>(rank)];
        set(relu, -threshold * (1 + std::numeric_limits<float>::epsilon()));
        const double found = percentage_of_zeros(forward_.result(relu.node));
        next_ = relu.node + 1;
        return found;
    }

  private:
    // Adds to the shift.
    void set(const Relu& relu, float added) {
        for (std::size_t i = 0; i < relu.shift->elements(); ++i) relu.shift->value[i] += added;
        forward_.run(next_, relu.node);
    }

    // To where the least value is just above zero; returns by how much to raise the next time.
    float raise(const Relu& relu, float by) {
        set(relu, by);
        const std::vector<float> values = sample_of(forward_.result(relu.node));
        const float least = std::ranges::min(values), most = std::ranges::max(values);
        if (least <= 0) return raise(relu, 8 * by);
        return -least + (most - least) / 64;
    }

    Network::Forward forward_;
    int next_ = 0;
};

}  // namespace

std::vector<double> calibrate_zeros(Network& network, std::span<const float> images, int count,
                                    std::span<const double> percentages) {
    const char* const function = "calibrate_zeros";
    const std::vector<Relu> relus = all_relus(network.graph());
    if (percentages.size() > relus.size())
        detail::throw_invalid(function, "percentages", "at most " + std::to_string(relus.size()),
                              std::to_string(percentages.size()));
    for (std::size_t i = 0; i < percentages.size(); ++i) {
        if (!(percentages[i] >= 0 && percentages[i] <= 99.9))
            detail::throw_invalid(function, "percentages", "0 to 99.9",
                                  detail::to_text(static_cast<float>(percentages[i])));
        if (relus[i].shift == nullptr)
            detail::throw_invalid(
                function, "network", "a bias before each ReLU",
                "none before that of " + node_of(network.graph(), relus[i].node).op->name());
    }
    Calibration calibration(network, images, count);
    std::vector<double> found;
    for (std::size_t i = 0; i < percentages.size(); ++i)
        found.push_back(calibration.set_zeros(relus[i], percentages[i]));
    return found;
}

}  // namespace sparsetrain::train
