#include "sparsetrain/loss.h"

#include <cmath>
#include <numeric>

#include "support.h"

namespace sparsetrain::test {
namespace {

class LossTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, LossTest, testing::Values(1, 2));

struct Problem {
    Tensor logits;
    std::vector<std::int32_t> labels;
};

Problem random_problem(int batch, int classes, float scale) {
    std::mt19937 engine(static_cast<unsigned>(batch * 100 + classes));
    Problem problem{Tensor({batch, classes, 1, 1}), {}};
    for_each(problem.logits.shape(), [&](int n, int c, int, int) {
        problem.logits.values()[at(problem.logits.shape(), n, c, 0, 0)] =
            scale * (static_cast<float>(engine() % 2001) / 1000.0F - 1.0F);
    });
    for (int n = 0; n < batch; ++n)
        problem.labels.push_back(static_cast<std::int32_t>(engine() % static_cast<unsigned>(classes)));
    return problem;
}

// Probabilities of image n, in double.
std::vector<double> softmax(const Tensor& logits, int n) {
    const Shape shape = logits.shape();
    std::vector<double> p;
    for (int c = 0; c < shape.c; ++c) p.push_back(logits.values()[at(shape, n, c, 0, 0)]);
    const double top = *std::max_element(p.begin(), p.end());
    for (double& value : p) value = std::exp(value - top);
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& value : p) value /= total;
    return p;
}

// The probabilities that an image's logits should have.
std::vector<double> wanted(const Targets& targets, int n, int classes) {
    std::vector<double> p(static_cast<std::size_t>(classes), double{targets.smoothing} / classes);
    const auto image = static_cast<std::size_t>(n);
    const auto add = [&](std::int32_t label, double share) {
        p[static_cast<std::size_t>(label)] += (1 - double{targets.smoothing}) * share;
    };
    add(targets.labels[image], targets.weight);
    if (!targets.other_labels.empty()) add(targets.other_labels[image], 1 - double{targets.weight});
    return p;
}

double reference_loss(const Problem& problem, const Targets& targets) {
    const Shape shape = problem.logits.shape();
    double sum = 0;
    for (int n = 0; n < shape.n; ++n) {
        const std::vector<double> p = softmax(problem.logits, n), q = wanted(targets, n, shape.c);
        for (std::size_t c = 0; c < p.size(); ++c)
            if (q[c] > 0) sum -= q[c] * std::log(p[c]);
    }
    return sum / shape.n;
}
double reference_loss(const Problem& problem) {
    return reference_loss(problem, {.labels = problem.labels});
}

TEST_P(LossTest, LossGradientAndHitsMatchTheDefinition) {
    for (const int batch : {1, 2, 5, 33})
        for (const int classes : {1, 2, 10, 16, 17, 40}) {
            SCOPED_TRACE(text({batch, classes, 1, 1}));
            Problem problem = random_problem(batch, classes, 4.0F);
            const Shape shape = problem.logits.shape();
            Tensor diff = stale(shape);
            const LossResult result = softmax_cross_entropy(problem.logits.view(), {.labels = problem.labels},
                                                            diff.view(), workspace);
            EXPECT_NEAR(result.loss, reference_loss(problem), 1e-5);
            int correct = 0;
            for (int n = 0; n < batch; ++n) {
                const std::vector<double> p = softmax(problem.logits, n);
                const int label = problem.labels[static_cast<std::size_t>(n)];
                correct += std::max_element(p.begin(), p.end()) - p.begin() == label;
                for (int c = 0; c < classes; ++c) {
                    const double expected = (p[static_cast<std::size_t>(c)] - (c == label ? 1 : 0)) / batch;
                    ASSERT_NEAR(diff.values()[at(shape, n, c, 0, 0)], expected, 1e-6);
                }
            }
            EXPECT_EQ(result.correct, correct);
            for_each_padding(
                shape, [&](int n, int c, int, int) { ASSERT_EQ(diff.values()[at(shape, n, c, 0, 0)], 0); });
        }
}

TEST_P(LossTest, GradientIsTheSlopeOfTheLoss) {
    Problem problem = random_problem(3, 10, 2.0F);
    const Shape shape = problem.logits.shape();
    Tensor diff(shape);
    softmax_cross_entropy(problem.logits.view(), {.labels = problem.labels}, diff.view(), workspace);
    constexpr float kStep = 1.0F / 64;
    for_each(shape, [&](int n, int c, int, int) {
        const std::size_t i = at(shape, n, c, 0, 0);
        const float kept = problem.logits.values()[i];
        problem.logits.values()[i] = kept + kStep;
        const double above = reference_loss(problem);
        problem.logits.values()[i] = kept - kStep;
        const double below = reference_loss(problem);
        problem.logits.values()[i] = kept;
        EXPECT_NEAR(diff.values()[i], (above - below) / (2 * kStep), 1e-4);
    });
}

// With smoothing, under mixup (also of a class with itself), and both.
TEST_P(LossTest, SmoothedAndMixedTargetsMatchTheDefinition) {
    for (const int classes : {1, 2, 10, 17, 40})
        for (const float smoothing : {0.0F, 0.1F, 0.9F})
            for (const float weight : {0.0F, 0.3F, 1.0F}) {
                const Problem problem = random_problem(7, classes, 4.0F);
                const Shape shape = problem.logits.shape();
                std::vector<std::int32_t> others(problem.labels.rbegin(), problem.labels.rend());
                const Targets targets{problem.labels, others, weight, smoothing};
                Tensor diff = stale(shape);
                const LossResult result =
                    softmax_cross_entropy(problem.logits.view(), targets, diff.view(), workspace);
                EXPECT_NEAR(result.loss, reference_loss(problem, targets), 1e-5);
                for (int n = 0; n < shape.n; ++n) {
                    const std::vector<double> p = softmax(problem.logits, n), q = wanted(targets, n, classes);
                    for (int c = 0; c < classes; ++c) {
                        const auto i = static_cast<std::size_t>(c);
                        ASSERT_NEAR(diff.values()[at(shape, n, c, 0, 0)], (p[i] - q[i]) / shape.n, 1e-6);
                    }
                }
                for_each_padding(shape, [&](int n, int c, int, int) {
                    ASSERT_EQ(diff.values()[at(shape, n, c, 0, 0)], 0);
                });
            }
}

TEST_P(LossTest, HugeLogitsStayFinite) {
    Problem problem = random_problem(4, 10, 1.0F);
    const Shape shape = problem.logits.shape();
    problem.labels = {0, 1, 2, 3};
    for_each(shape, [&](int n, int c, int, int) {
        problem.logits.values()[at(shape, n, c, 0, 0)] = c == n ? 1e4F : -1e4F;
    });
    Tensor diff(shape);
    const LossResult result =
        softmax_cross_entropy(problem.logits.view(), {.labels = problem.labels}, diff.view(), workspace);
    EXPECT_NEAR(result.loss, 0, 1e-6);
    EXPECT_EQ(result.correct, 4);
    problem.labels = {9, 9, 9, 9};
    const LossResult wrong =
        softmax_cross_entropy(problem.logits.view(), {.labels = problem.labels}, diff.view(), workspace);
    EXPECT_NEAR(wrong.loss, 2e4, 1);
    EXPECT_EQ(wrong.correct, 0);
}

TEST_P(LossTest, TheFirstOfEqualLogitsIsThePrediction) {
    Problem problem{Tensor({2, 10, 1, 1}), {0, 3}};
    Tensor diff(problem.logits.shape());
    EXPECT_EQ(softmax_cross_entropy(problem.logits.view(), {.labels = problem.labels}, diff.view(), workspace)
                  .correct,
              1);
}

TEST(LossErrors, NameTheLabelOrTheShape) {
    Workspace workspace;
    Tensor logits({2, 10, 1, 1}), diff({2, 10, 1, 1}), wide({2, 10, 1, 2});
    const std::vector<std::int32_t> beyond{0, 10}, negative{-1, 0}, few{0}, good{0, 1};
    expect_invalid([&] { softmax_cross_entropy(logits.view(), {.labels = beyond}, diff.view(), workspace); },
                   {"0 to 9", "10"});
    expect_invalid(
        [&] { softmax_cross_entropy(logits.view(), {.labels = negative}, diff.view(), workspace); },
        {"0 to 9", "-1"});
    expect_invalid([&] { softmax_cross_entropy(logits.view(), {.labels = few}, diff.view(), workspace); },
                   {"labels", "2", "1"});
    expect_invalid([&] { softmax_cross_entropy(wide.view(), {.labels = good}, diff.view(), workspace); },
                   {"logits", "W1", "W2"});
    const auto expect_refused = [&](const Targets& targets, const std::vector<std::string>& words) {
        expect_invalid([&] { softmax_cross_entropy(logits.view(), targets, diff.view(), workspace); }, words);
    };
    expect_refused({good, beyond, 0.5F}, {"other_labels", "0 to 9", "10"});
    expect_refused({good, few, 0.5F}, {"other_labels", "2", "1"});
    expect_refused({good, good, 1.5F}, {"weight", "from 0 to 1", "1.5"});
    expect_refused({good, {}, 0.5F}, {"weight", "1 without other_labels", "0.5"});
    expect_refused({good, {}, 1, 1}, {"smoothing", "from 0 to below 1"});
    expect_refused({good, {}, 1, std::nanf("")}, {"smoothing"});
}

}  // namespace
}  // namespace sparsetrain::test
