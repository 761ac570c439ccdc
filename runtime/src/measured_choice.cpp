#include "measured_choice.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace sparsetrain::detail {

namespace {

// Where the best leads by less, another may be the faster one: the ratio of two costs of the tables may be
// off by that of 1.4 to 0.6; what was measured, by noise and for other zeros.
constexpr double kErrorOfTables = 2.4, kErrorOfFindings = 1.15;
constexpr double kDrift = 5;          // percentage points
constexpr double kHysteresis = 0.02;  // of the time: weights and code of another kernel are cold

constexpr int kRunsOfLook = 6;
constexpr double kAny = std::numeric_limits<double>::infinity();
// How far behind the best of a look a candidate may be after so many runs. The first one brings code, packed
// weights and scratch memory, and says nothing; another may have been disturbed.
constexpr double kMayBeBehind[] = {kAny, kAny, 1.8, 1.2, 1.1, 1.06};

constexpr long kFirstPause = 32, kLongestPause = 1024;  // calls between looks
constexpr long kFirstCheck = 256;  // calls until a look without a reason; then four times as many, and so on

}  // namespace

std::size_t cheapest(std::span<const Candidate> candidates) {
    const auto least =
        std::min_element(candidates.begin(), candidates.end(),
                         [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
    return static_cast<std::size_t>(least - candidates.begin());
}

const MeasuredChoice::Finding* MeasuredChoice::find(const ConvKernel* kernel) const {
    for (const Finding& finding : findings_)
        if (finding.kernel == kernel) return &finding;
    return nullptr;
}

MeasuredChoice::Finding& MeasuredChoice::finding_of(const ConvKernel* kernel) {
    for (Finding& finding : findings_)
        if (finding.kernel == kernel) return finding;
    return findings_.emplace_back(Finding{.kernel = kernel});
}

bool MeasuredChoice::is_measured(const Candidate& candidate) const {
    const Finding* own = find(candidate.kernel);
    return own != nullptr && own->best_seconds_per_cost > 0;
}

bool MeasuredChoice::has_drifted(const Candidate& candidate) const {
    return !is_measured(candidate) || std::abs(find(candidate.kernel)->zeros - candidate.zeros) >= kDrift;
}

// Seconds; of what was not measured, in proportion to the best that was, and without any that, costs.
double MeasuredChoice::predicted(const Candidate& candidate) const {
    if (is_measured(candidate)) return find(candidate.kernel)->best_seconds_per_cost * candidate.cost;
    double least = kAny;
    for (const Finding& finding : findings_)
        if (finding.best_seconds_per_cost > 0) least = std::min(least, finding.best_seconds_per_cost);
    return candidate.cost * (least < kAny ? least : 1);
}

// Of those that were measured, if there are any.
std::size_t MeasuredChoice::fastest(std::span<const Candidate> candidates) const {
    const bool any_measured = std::any_of(candidates.begin(), candidates.end(),
                                          [this](const Candidate& one) { return is_measured(one); });
    std::size_t best = 0;
    double least = kAny;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (any_measured && !is_measured(candidates[i])) continue;
        const double advantage = candidates[i].kernel == current_ ? kHysteresis : 0;
        const double seconds = predicted(candidates[i]) * (1 - advantage);
        if (seconds < least) {
            best = i;
            least = seconds;
        }
    }
    return best;
}

bool MeasuredChoice::is_close(const Candidate& candidate, const Candidate& best) const {
    return predicted(candidate) <=
           predicted(best) * (is_measured(candidate) ? kErrorOfFindings : kErrorOfTables);
}

bool MeasuredChoice::is_due(std::span<const Candidate> candidates) const {
    const Candidate& best = candidates[fastest(candidates)];
    int close = 0, drifted = 0;
    bool is_urgent = false;  // what runs seems the wrong one already
    for (const Candidate& candidate : candidates) {
        if (!is_close(candidate, best)) continue;
        ++close;
        if (has_drifted(candidate)) ++drifted;
        is_urgent = is_urgent || (!is_measured(candidate) && predicted(candidate) < predicted(best));
    }
    if (close < 2) return false;
    return is_urgent || (calls_ >= next_look_ && (drifted > 0 || calls_ >= next_check_));
}

void MeasuredChoice::begin_look(std::span<const Candidate> candidates) {
    const Candidate& best = candidates[fastest(candidates)];
    std::vector<const ConvKernel*> close;  // before findings change, by which it is told
    for (const Candidate& candidate : candidates)
        if (is_close(candidate, best)) close.push_back(candidate.kernel);
    for (Finding& finding : findings_) finding.is_tried = false;
    for (const ConvKernel* kernel : close) finding_of(kernel) = {.kernel = kernel, .is_tried = true};
    is_looking_ = true;
}

// The one with the fewest calls, of those the cheapest; behind all candidates, if the look is over.
std::size_t MeasuredChoice::next_of_look(std::span<const Candidate> candidates) const {
    std::size_t next = candidates.size();
    int tried = 0, fewest = kRunsOfLook;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const Finding* own = find(candidates[i].kernel);
        if (own == nullptr || !own->is_tried) continue;
        ++tried;
        const bool is_cheaper =
            next < candidates.size() && own->begun == fewest && candidates[i].cost < candidates[next].cost;
        if (own->begun >= fewest && !is_cheaper) continue;
        next = i;
        fewest = own->begun;
    }
    return tried > 1 ? next : candidates.size();
}

std::size_t MeasuredChoice::choose(std::span<const Candidate> candidates) {
    ++calls_;
    if (!is_looking_ && is_due(candidates)) begin_look(candidates);
    if (is_looking_) {
        const std::size_t next = next_of_look(candidates);
        if (next < candidates.size()) {
            ++finding_of(candidates[next].kernel).begun;
            return next;
        }
        is_looking_ = false;
        next_look_ = calls_ + std::clamp(calls_ / 4, kFirstPause, kLongestPause);
        next_check_ = std::max(kFirstCheck, 4 * calls_);
    }
    const std::size_t best = fastest(candidates);
    current_ = candidates[best].kernel;
    return best;
}

void MeasuredChoice::leave_out_the_slow() {
    const Finding* best = nullptr;
    const auto seconds = [](const Finding& finding) { return finding.best_seconds_per_cost * finding.cost; };
    for (const Finding& finding : findings_)
        if (finding.is_tried && finding.runs > 0 && (best == nullptr || seconds(finding) < seconds(*best)))
            best = &finding;
    if (best == nullptr) return;
    for (Finding& finding : findings_) {
        if (!finding.is_tried || finding.runs == 0) continue;
        const bool surprises = finding.cost < best->cost;  // so that it deserves another run
        const auto runs = static_cast<std::size_t>(finding.runs - (surprises ? 1 : 0));
        if (seconds(finding) > kMayBeBehind[std::min(runs, std::size(kMayBeBehind) - 1)] * seconds(*best))
            finding.is_tried = false;
    }
}

void MeasuredChoice::add_time(const Candidate& candidate, double seconds) {
    if (!is_looking_) return;
    Finding& finding = finding_of(candidate.kernel);
    if (!finding.is_tried) return;
    const double per_cost = std::max(seconds, 1e-9) / candidate.cost;
    finding.best_seconds_per_cost =
        finding.runs == 0 ? per_cost : std::min(finding.best_seconds_per_cost, per_cost);
    finding.zeros = candidate.zeros;
    finding.cost = candidate.cost;
    ++finding.runs;
    leave_out_the_slow();
}

}  // namespace sparsetrain::detail
