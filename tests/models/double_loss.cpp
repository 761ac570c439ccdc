#include <algorithm>
#include <cmath>

#include "double_operations.h"

namespace sparsetrain::test {
namespace {

// The probabilities that an image should have.
std::vector<double> wanted(const DoubleTargets& targets, std::size_t image, std::size_t classes) {
    std::vector<double> p(classes, targets.smoothing / static_cast<double>(classes));
    const double certain = 1 - targets.smoothing;
    if (targets.other_labels.empty()) {
        p.at(static_cast<std::size_t>(targets.labels[image])) += certain;
    } else {
        p.at(static_cast<std::size_t>(targets.labels[image])) += certain * targets.weight;
        p.at(static_cast<std::size_t>(targets.other_labels[image])) += certain * (1 - targets.weight);
    }
    return p;
}

// Logarithms of the softmax of count logits.
std::vector<double> log_softmax(const double* logits, std::size_t count) {
    std::vector<double> p(logits, logits + count);
    const double top = *std::max_element(p.begin(), p.end());
    double total = 0;
    for (const double logit : p) total += std::exp(logit - top);
    for (double& logit : p) logit -= top + std::log(total);
    return p;
}

}  // namespace

Variable softmax_cross_entropy(Variable logits, const DoubleTargets& targets) {
    require(logits.shape().size() == 2, "logits [N][classes], given " + text(logits.shape()));
    const auto batch = static_cast<std::size_t>(logits.size(0)),
               classes = static_cast<std::size_t>(logits.size(1));
    require(targets.labels.size() == batch &&
                (targets.other_labels.empty() || targets.other_labels.size() == batch),
            "a label for each of " + text(logits.shape()));

    double loss = 0;
    std::vector<double> difference;  // Of the softmax and the probabilities that it should be.
    for (std::size_t n = 0; n < batch; ++n) {
        const std::vector<double> log_p = log_softmax(logits.values().data() + n * classes, classes);
        const std::vector<double> target = wanted(targets, n, classes);
        for (std::size_t c = 0; c < classes; ++c) {
            loss -= target[c] * log_p[c] / static_cast<double>(batch);
            difference.push_back(std::exp(log_p[c]) - target[c]);
        }
    }
    return logits.tape().record({{1}, {loss}}, [=](const std::vector<double>& diff_loss) {
        for (std::size_t i = 0; i < difference.size(); ++i)
            logits.gradient()[i] += diff_loss[0] * difference[i] / static_cast<double>(batch);
    });
}

}  // namespace sparsetrain::test
