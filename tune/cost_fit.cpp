#include "tune/cost_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "schedules/faults.h"

namespace sparsetrain::tune {
namespace {

using schedules::Cost;

// Of fixed, work and few, in this order.
constexpr std::size_t kTerms = 3;
constexpr std::array<Cost, kTerms> kTermAlone = {Cost{1, 0, 0}, Cost{0, 0, 1}, Cost{0, 1, 0}};
using Terms = std::array<double, kTerms>;
using IsFree = std::array<bool, kTerms>;

Cost cost_of(const Terms& terms) {
    return {terms[0], terms[2], terms[1]};
}

// What a unit of each term adds to a point's time, relative to the time measured.
Terms shares(const SpeedPoint& point) {
    Terms shares{};
    std::transform(kTermAlone.begin(), kTermAlone.end(), shares.begin(), [&](const Cost& term) {
        return term.at(point.channels, point.zeros_percent) * point.speed;
    });
    return shares;
}

double squared_error(const Terms& terms, const std::vector<SpeedPoint>& points) {
    double sum = 0;
    for (const SpeedPoint& point : points) {
        const double ratio = cost_of(terms).at(point.channels, point.zeros_percent) * point.speed;
        sum += (ratio - 1) * (ratio - 1);
    }
    return sum;
}

// The normal equations: a symmetric matrix with the right side behind it. A term that is not free has an
// equation of its own, by which it is 0.
using Equations = std::array<std::array<double, kTerms + 1>, kTerms>;
Equations equations(const std::vector<SpeedPoint>& points, const IsFree& is_free) {
    Equations result{};
    for (const SpeedPoint& point : points) {
        const Terms of_point = shares(point);
        for (std::size_t i = 0; i < kTerms; ++i) {
            if (!is_free[i]) continue;
            for (std::size_t j = 0; j < kTerms; ++j)
                result[i][j] += is_free[j] ? of_point[i] * of_point[j] : 0;
            result[i][kTerms] += of_point[i];
        }
    }
    for (std::size_t i = 0; i < kTerms; ++i)
        if (!is_free[i]) result[i][i] = 1;
    return result;
}

// By elimination, whose pivots need no other order as the matrix is positive; nothing, if it is singular.
std::optional<Terms> solve(Equations rows) {
    const Equations before = rows;
    for (std::size_t i = 0; i < kTerms; ++i) {
        if (rows[i][i] <= 1e-9 * before[i][i]) return std::nullopt;
        for (std::size_t below = i + 1; below < kTerms; ++below) {
            const double factor = rows[below][i] / rows[i][i];
            for (std::size_t j = i; j <= kTerms; ++j) rows[below][j] -= factor * rows[i][j];
        }
    }
    Terms terms{};
    for (std::size_t i = kTerms; i-- > 0;) {
        terms[i] = rows[i][kTerms];
        for (std::size_t j = i + 1; j < kTerms; ++j) terms[i] -= rows[i][j] * terms[j];
        terms[i] /= rows[i][i];
    }
    return terms;
}

// Of a kernel that does not become faster with zeros: a cost without work has no crossover.
constexpr double kLeastWork = 0.001;

bool have_several_percents(const std::vector<SpeedPoint>& points) {
    return std::any_of(points.begin(), points.end(), [&](const SpeedPoint& point) {
        return point.zeros_percent != points.front().zeros_percent;
    });
}

}  // namespace

// The best that is nowhere negative is the best of those sets of terms whose own best is nowhere negative.
// Sets come before others that explain no more.
Cost fit_cost(const std::vector<SpeedPoint>& points) {
    std::vector<IsFree> sets = {{false, true, false}};
    if (have_several_percents(points))
        sets.insert(sets.end(), {{true, true, false},
                                 {false, true, true},
                                 {true, true, true},
                                 {true, false, false},
                                 {false, false, true},
                                 {true, false, true}});
    Terms best{};
    double least = INFINITY;
    for (const IsFree& is_free : sets) {
        const std::optional<Terms> terms = solve(equations(points, is_free));
        if (!terms || std::any_of(terms->begin(), terms->end(), [](double term) { return term < 0; }))
            continue;
        const double error = squared_error(*terms, points);
        if (error > least - 1e-12) continue;
        least = error;
        best = *terms;
    }
    Cost cost = cost_of(best);
    cost.work = std::max(cost.work, kLeastWork);
    for (double* term : {&cost.fixed, &cost.few, &cost.work}) *term = std::min(*term, schedules::kMostCost);
    return cost;
}

}  // namespace sparsetrain::tune
