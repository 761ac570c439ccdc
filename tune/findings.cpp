#include "tune/findings.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "tune/cost_fit.h"
#include "tune/text.h"

namespace sparsetrain::tune {
namespace {

std::string fixed(double number, int decimals) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
    return text.data();
}

std::string text_of(const Speed& speed) {
    return fixed(speed.speed, 3) + "x +- " + fixed(100 * speed.noise, 1) + " %";
}

bool is_narrow(const bench::Layer& layer) {
    return layer.shape.src.n > 1 && layer.shape.src.w <= schedules::kNarrowWidth;
}

// What a row's kernel costs, from the layers that the row computes.
void add_costs(const Subject& subject, const DenseComparison& comparison,
               const std::vector<bench::Layer>& layers, const schedules::Tables& tables,
               const Replacements& sizes, TunedRow& row) {
    std::vector<SpeedPoint> points, of_narrow_images;
    for (const bench::Layer& layer : layers) {
        const auto found = comparison.speeds.find(layer.name);
        if (found == comparison.speeds.end() || !is_used(subject, layer, tables, sizes)) continue;
        const bool is_apart = subject.pass == Pass::bwd_weights && is_narrow(layer);
        for (const auto& [percent, speed] : found->second)
            (is_apart ? of_narrow_images : points)
                .push_back({channels_summed(layer, subject.pass), percent, speed});
    }
    if (!points.empty()) row.cost = fit_cost(points);
    if (!of_narrow_images.empty()) row.narrow_cost = fit_cost(of_narrow_images);
}

}  // namespace

void Findings::add(const Json& record) {
    const std::string kind = record.at("record");
    if (kind == "comparison") {
        DenseComparison& comparison = comparisons[record.at("kernel")];
        comparison = {record.at("dense"), record.at("contestant"), {}};
        for (const Json& point : record.at("speeds"))
            comparison.speeds[point.at("layer")][point.at("percent")] = point.at("speed");
        return;
    }
    if (kind != "trial" && kind != "winner") return;  // single measurements are for reading
    const TileSizes sizes = record.at("sizes");
    const Speed speed = {record.at("speed"), record.at("noise")};
    if (kind == "winner") {
        winners[record.at("subject")] = {sizes, speed};
    } else {
        trials[record.at("subject")][sizes] = {speed, record.at("failure")};
    }
}

Replacements Findings::winning_sizes() const {
    Replacements sizes;
    for (const auto& [subject, winner] : winners) sizes[subject] = winner.first;
    return sizes;
}

Json trial_record(const Subject& subject, const TileSizes& sizes, const Trial& trial) {
    return {{"record", "trial"},          {"subject", subject.name()},  {"sizes", sizes},
            {"speed", trial.speed.speed}, {"noise", trial.speed.noise}, {"failure", trial.failure}};
}

Json winner_record(const Subject& subject, const TileSizes& sizes, const Speed& speed) {
    return {{"record", "winner"},
            {"subject", subject.name()},
            {"sizes", sizes},
            {"speed", speed.speed},
            {"noise", speed.noise}};
}

Json comparison_record(const std::string& kernel, const DenseComparison& comparison) {
    Json points = Json::array();
    for (const auto& [layer, speeds] : comparison.speeds)
        for (const auto& [percent, speed] : speeds)
            points.push_back({{"layer", layer}, {"percent", percent}, {"speed", speed}});
    return {{"record", "comparison"},
            {"kernel", kernel},
            {"dense", comparison.dense},
            {"contestant", comparison.kernel},
            {"speeds", points}};
}

TunedRows tuned_rows(const Findings& findings, const std::vector<Subject>& subjects,
                     const std::vector<bench::Layer>& layers, const schedules::Tables& tables) {
    TunedRows rows;
    for (const Subject& subject : subjects) {
        TunedRow row;
        if (const auto winner = findings.winners.find(subject.name()); winner != findings.winners.end()) {
            row.sizes = winner->second.first;
            row.remark =
                fixed(winner->second.second.speed, 2) + "x of " + to_string(sizes_of_today(subject, tables));
        }
        const auto comparison = findings.comparisons.find(subject.kernel_name(subject.kernel));
        if (comparison != findings.comparisons.end())
            add_costs(subject, comparison->second, layers, tables, findings.winning_sizes(), row);
        if (row.sizes || row.cost || row.narrow_cost) rows[subject.name()] = row;
    }
    return rows;
}

std::string summary(const Findings& findings, const std::vector<Subject>& subjects,
                    const schedules::Tables& tables) {
    std::string text =
        "| class, pass, kernel | row | tuned | speed | rows tried |\n| --- | --- | --- | ---: | ---: |\n";
    double logs = 0;
    int measured = 0;
    for (const Subject& subject : subjects) {
        const auto trials = findings.trials.find(subject.name());
        const auto winner = findings.winners.find(subject.name());
        const bool won = winner != findings.winners.end();
        const std::string today = to_string(sizes_of_today(subject, tables));
        const std::string tried =
            trials == findings.trials.end() ? "0" : std::to_string(trials->second.size());
        const std::string row = won ? to_string(winner->second.first) : "same";
        const std::string speed = won ? text_of(winner->second.second) : "1x";
        for (const std::string& cell : {subject.name(), today, row, speed, tried})
            (text += "| ") += cell + " ";
        text += "|\n";
        if (won) logs += std::log(winner->second.second.speed);
        if (tried != "0") ++measured;
    }
    return text + "| geometric mean of the " + std::to_string(measured) + " rows with others tried | | | " +
           fixed(std::exp(logs / std::max(measured, 1)), 3) + "x | |\n";
}

}  // namespace sparsetrain::tune
