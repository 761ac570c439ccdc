#include "recorder.h"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string_view>

namespace sparsetrain::bench {

namespace {

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string format(const char* pattern, double a, double b = 0) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, a, b);
    return text;
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.resize(width, ' ');
    return text;
}

std::string speed_over_peer(const std::vector<double>& times, const std::vector<double>& peer) {
    const double speed = median(peer) / median(times);
    std::vector<double> ratios;  // of neighbours in time, so that a slow drift of the machine cancels
    for (std::size_t round = 0; round < std::min(times.size(), peer.size()); ++round)
        ratios.push_back(peer[round] / times[round]);
    if (ratios.size() < 2) return format("%.2f", speed);
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    return format("%.2f +-%.0f%%", speed, 100 * (*most - *least) / 2 / speed);
}

// Empty if there is nothing to say.
std::string cell(const Times& times, const GroupKey& key, const char* implementation) {
    const auto peer = times.find(benchmark_name(key, kPeer));
    const auto own = times.find(benchmark_name(key, implementation));
    if (peer == times.end() || own == times.end()) return {};
    if (own == peer) return format("%.0f GFLOP/s", key.layer->shape.flops() / median(own->second) / 1e6);
    return speed_over_peer(own->second, peer->second);
}

std::string row(const Times& times, const Layer& layer, Pass pass, const char* implementation) {
    std::string text;
    bool any = false;
    for (const int percent : kZerosPercents) {
        const std::string content = cell(times, {&layer, pass, percent}, implementation);
        any = any || !content.empty();
        text += std::string(14 - std::min<std::size_t>(content.size(), 13), ' ') + content;
    }
    if (!any) return {};
    return padded(layer.name, 18) + " " + padded(implementation, 15) + text + "\n";
}

}  // namespace

void Recorder::ReportRuns(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        if (run.error_occurred) {
            failed_ = true;
        } else if (run.run_type == Run::RT_Iteration) {
            times_[run.benchmark_name()].push_back(clock_ == Clock::cpu ? run.GetAdjustedCPUTime()
                                                                        : run.GetAdjustedRealTime());
        }
    }
    display_->ReportRuns(runs);
}

void print_speeds(const Times& times, const std::vector<Layer>& layers, Clock clock, std::ostream& out) {
    const char* time = clock == Clock::cpu ? "CPU time of one thread" : "wall time of all threads";
    std::string heading = "layer              implementation ";
    for (const int percent : kZerosPercents) heading += format("%12.0f %%", percent);
    for (const Pass pass : kPasses) {
        std::string rows;
        for (const Layer& layer : layers)
            for (const auto& entry : implementations()) rows += row(times, layer, pass, entry.name);
        if (rows.empty()) continue;
        out << "\n"
            << to_string(pass) << ": speed over " << kPeer << " by zeros, of " << time << "\n"
            << heading << "\n"
            << rows;
    }
}

}  // namespace sparsetrain::bench
