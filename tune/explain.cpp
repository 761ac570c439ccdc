#include "tune/explain.h"

#include <array>
#include <cstdio>

#include "tune/cost_model.h"
#include "tune/text.h"

namespace sparsetrain::tune {
namespace {

template <typename... Values>
std::string formatted(const char* format, Values... values) {
    std::array<char, 256> text{};
    std::snprintf(text.data(), text.size(), format, values...);
    return text.data();
}

// The word for what a turn is.
const char* turn_of(const schedules::DenseRow&) {
    return "channel and tap";
}
const char* turn_of(const schedules::DenseWeightsRow&) {
    return "pixel";
}
const char* turn_of(const schedules::DensePlanarRow&) {
    return "channel and tap";
}
const char* turn_of(const schedules::DensePlanarWeightsRow&) {
    return "pixel";
}
const char* turn_of(const schedules::ZeroSkipRow&) {
    return "nonzero";
}
const char* turn_of(const schedules::OutputMaskRow&) {
    return "set bit";
}
const char* turn_of(const schedules::ZeroSkipWeightsRow&) {
    return "nonzero";
}

std::string limit_of(const Cost& cost, const Machine& machine) {
    const double cycles = cost.turn_cycles(machine);
    if (cycles == cost.fmas / machine.fmas) return "FMAs";
    if (cycles == cost.loads / machine.loads) return "loads";
    return cycles == machine.fma_latency ? "the FMAs' latency" : "L2";
}

std::string description(const Subject& subject, const schedules::Tables& tables, const TileSizes& sizes) {
    const Cost cost = cost_of(subject, tables, sizes);
    const Machine machine = machine_of(tables);
    const char* turn = with_table(
        subject, []<typename Row>(schedules::Table<Row> schedules::Tables::*) { return turn_of(Row{}); });
    std::string text =
        formatted("  registers            %d of %d\n", cost.budget.registers, tables.registers().count);
    if (cost.budget.l1_limit > 0)
        text += formatted("  L1 bytes             %d of %d\n", cost.budget.l1_bytes, cost.budget.l1_limit);
    text += formatted("  per %-16s %g FMAs, %g loads: %.1f cycles, bound by ", turn, cost.fmas, cost.loads,
                      cost.turn_cycles(machine)) +
            limit_of(cost, machine) + "\n";
    text += formatted("  per visit            %.0f cycles for up to %.0f of these\n", cost.visit_cycles,
                      cost.turns_per_visit);
    text += "  predicted            ";
    const std::vector<int> percents =
        subject.kernel == Kernel::dense ? std::vector<int>{0} : std::vector<int>{0, 50, 80, 90};
    for (const int percent : percents)
        text += formatted("%.2fx", 1 / cost.relative_time(machine, percent)) +
                (subject.kernel == Kernel::dense ? "" : formatted(" at %d %%", percent)) +
                (percent == percents.back() ? ", of dense at the peak of FMAs\n" : ", ");
    return text;
}

std::string measured(const Trial& trial) {
    if (!trial.failure.empty() && trial.speed.speed == 0) return trial.failure;
    return formatted("%.3fx of today's row", trial.speed.speed) +
           (trial.failure.empty() ? formatted(" +- %.1f %%", 100 * trial.speed.noise) : ", " + trial.failure);
}

std::string over_dense(const Subject& subject, const Findings& findings) {
    const auto found = findings.comparisons.find(subject.kernel_name(subject.kernel));
    if (found == findings.comparisons.end()) return "";
    std::string text = "\nover dense, " + found->second.kernel + ":\n";
    for (const auto& [layer, speeds] : found->second.speeds) {
        text += formatted("  %-20s", layer.c_str());
        for (const auto& [percent, speed] : speeds) text += formatted(" %.2fx at %d %%", speed, percent);
        text += "\n";
    }
    return text;
}

}  // namespace

std::string explain(const Subject& subject, const schedules::Tables& tables, const Findings& findings) {
    std::string names;
    for (const std::string& name : tile_names(subject)) add_to_list(names, name);
    const TileSizes today = sizes_of_today(subject, tables);
    std::string text = subject.name() + " on " + tables.name + ": " + names + "\n\n" + to_string(today) +
                       ", today's\n" + description(subject, tables, today);
    const auto trials = findings.trials.find(subject.name());
    if (trials != findings.trials.end()) {
        for (const auto& [sizes, trial] : trials->second) {
            text += '\n';
            text += to_string(sizes) + "\n" + description(subject, tables, sizes) +
                    "  measured             " + measured(trial) + "\n";
        }
    }
    const auto winner = findings.winners.find(subject.name());
    if (winner != findings.winners.end())
        text += "\nwinner, confirmed: " + to_string(winner->second.first) + ", " +
                measured({winner->second.second, ""}) + "\n";
    return text + over_dense(subject, findings);
}

}  // namespace sparsetrain::tune
