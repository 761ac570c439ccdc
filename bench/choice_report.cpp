#include "choice_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>

#include "implementation.h"

namespace sparsetrain::bench {

namespace {

constexpr int kPercents[] = {0, 30, 50, 70, 90};
constexpr double kLeastMs = 5;     // of a turn
constexpr double kClose = 1.03;    // what counts as the best
constexpr int kRoundsOfDoubt = 3;  // times as many, where `auto` seems to be no such

double now_ms(Clock clock) {
    timespec now{};
    clock_gettime(clock == Clock::cpu ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

// A policy's implementation and its best time.
struct Contestant {
    Policy policy;
    std::unique_ptr<Implementation> implementation;
    int calls_per_turn = 1;
    double best_ms = std::numeric_limits<double>::infinity();

    double call_ms(int calls, Clock clock) const {
        const double start = now_ms(clock);
        for (int call = 0; call < calls; ++call) implementation->run();
        return (now_ms(clock) - start) / calls;
    }
    void take_turn(Clock clock) { best_ms = std::min(best_ms, call_ms(calls_per_turn, clock)); }
};

struct Cell {
    std::string name, chosen, best;
    double behind_best, behind_dense;
};

// Whether the policy is `automatic` or that of a kernel that the pass has, and can use.
bool competes(const Problem& problem, Policy policy) {
    const bool has_mask = problem.relu_mask.words().size() > 0;
    for (const ImplementationEntry& entry : implementations())
        if (std::string_view(entry.name) == to_string(policy))
            return entry.serves(problem.shape, problem.pass) &&
                   (has_mask || entry.zeros_in != ZerosIn::relu_mask);
    return false;
}

// `auto` is the first.
std::vector<Contestant> contestants_of(Problem& problem) {
    std::vector<Contestant> contestants;
    for (const Policy policy : policies())
        if (competes(problem, policy)) contestants.push_back({policy, make_sparsetrain(problem, policy), 1});
    return contestants;
}

const Contestant& best_of(const std::vector<Contestant>& contestants) {
    return *std::min_element(contestants.begin() + 1, contestants.end(),
                             [](const Contestant& a, const Contestant& b) { return a.best_ms < b.best_ms; });
}

Cell measure(const std::string& name, Problem& problem, const ChoiceOptions& options) {
    std::vector<Contestant> contestants = contestants_of(problem);
    Contestant& chosen = contestants.front();
    chosen.call_ms(options.calls, options.clock);
    for (Contestant& one : contestants) {
        const double ms = one.call_ms(1, options.clock);
        one.calls_per_turn = std::clamp(static_cast<int>(kLeastMs / ms), 1, 1000);
    }
    for (int round = 0; round < kRoundsOfDoubt * options.rounds; ++round) {
        if (round >= options.rounds && chosen.best_ms <= kClose * best_of(contestants).best_ms) break;
        for (Contestant& one : contestants) one.take_turn(options.clock);
    }
    const Contestant& best = best_of(contestants);
    const auto dense = std::find_if(contestants.begin(), contestants.end(),
                                    [](const Contestant& one) { return one.policy == Policy::dense; });
    const std::string label = chosen.implementation->label();
    return {name, label.substr(0, label.find(',')), to_string(best.policy), chosen.best_ms / best.best_ms,
            chosen.best_ms / dense->best_ms};
}

std::string percent(double ratio) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%+.1f %%", 100 * (ratio - 1));
    return text.data();
}

void print(const Cell& cell, std::ostream& out) {
    std::array<char, 192> line{};
    std::snprintf(line.data(), line.size(), "%-44s %-11s %-11s %9s %9s", cell.name.c_str(),
                  cell.chosen.c_str(), cell.best.c_str(), percent(cell.behind_best).c_str(),
                  percent(cell.behind_dense).c_str());
    out << line.data() << std::endl;  // a cell takes a while
}

void print_summary(const std::vector<Cell>& cells, std::ostream& out) {
    const auto within = [&](double ratio) {
        return std::count_if(cells.begin(), cells.end(),
                             [ratio](const Cell& cell) { return cell.behind_best <= ratio; });
    };
    const auto worst = [&](double Cell::*behind) {
        return *std::max_element(cells.begin(), cells.end(),
                                 [behind](const Cell& a, const Cell& b) { return a.*behind < b.*behind; });
    };
    const Cell best = worst(&Cell::behind_best), dense = worst(&Cell::behind_dense);
    std::array<char, 256> line{};
    std::snprintf(line.data(), line.size(),
                  "%ld of %zu cells within 3 %% of the best kernel (%.1f %%), %ld within 8 %%",
                  within(kClose), cells.size(),
                  100 * static_cast<double>(within(kClose)) / static_cast<double>(cells.size()),
                  within(1.08));
    out << "\n"
        << line.data() << "\nthe worst: " << percent(best.behind_best) << " (" << best.name
        << "); over dense: " << percent(dense.behind_dense) << " (" << dense.name << ")\n";
}

}  // namespace

void print_choices(const std::vector<Layer>& layers, const ChoiceOptions& options, std::ostream& out) {
    out << "after " << options.calls
        << " calls: what auto ran, the best kernel, time over the best, time over dense\n";
    std::vector<Cell> cells;
    const auto add = [&](const GroupKey& key, ZerosIn zeros_in) {
        Problem problem(key.layer->shape, key.pass, key.zeros_percent, zeros_in);
        const bool masked = zeros_in == ZerosIn::relu_mask;
        cells.push_back(measure(benchmark_name(key, masked ? "auto_masked" : "auto"), problem, options));
        print(cells.back(), out);
    };
    for (const Layer& layer : layers)
        for (const Pass pass : kPasses)
            for (const int zeros : kPercents) {
                const GroupKey key = {&layer, pass, zeros};
                add(key, ZerosIn::operand);
                if (pass == Pass::bwd_data) add(key, ZerosIn::relu_mask);
            }
    print_summary(cells, out);
}

}  // namespace sparsetrain::bench
