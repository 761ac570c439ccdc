#include "tune/crossover.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sparsetrain::tune {
namespace {

constexpr double kLeast = 1, kMost = 99;

double up_to_half(double percent) {
    return std::ceil(2 * percent - 1e-6) / 2;
}

// `deep` such that no layer's crossing is above, given `shallow`.
schedules::Crossover above_all(const std::vector<Crossing>& layers, double shallow) {
    const schedules::Crossover slope = {0, shallow};
    double deep = kLeast;
    for (const Crossing& layer : layers) deep = std::max(deep, layer.percent - slope.at(layer.channels));
    return {up_to_half(deep), shallow};
}

double mean(const schedules::Crossover& crossover, const std::vector<Crossing>& layers) {
    double sum = 0;
    for (const Crossing& layer : layers) sum += crossover.at(layer.channels);
    return sum / static_cast<double>(layers.size());
}

}  // namespace

double crossing(const std::map<int, double>& speeds) {
    double from = kMost;  // what is behind the last percent at which dense is faster
    for (auto at = speeds.rbegin(); at != speeds.rend(); ++at) {
        if (at->second >= 1) {
            from = at->first;
            continue;
        }
        if (at == speeds.rbegin()) return kMost;
        const auto behind = std::prev(at);
        from = at->first + (behind->first - at->first) * (1 - at->second) / (behind->second - at->second);
        break;
    }
    return std::clamp(from, kLeast, kMost);
}

schedules::Crossover envelope(const std::vector<Crossing>& layers) {
    // The best line touches one layer and is flat, or touches two.
    std::vector<double> slopes = {0};
    for (const Crossing& a : layers) {
        for (const Crossing& b : layers) {
            const double run =
                schedules::Crossover{0, 1}.at(a.channels) - schedules::Crossover{0, 1}.at(b.channels);
            if (run > 0 && a.percent > b.percent) slopes.push_back(up_to_half((a.percent - b.percent) / run));
        }
    }
    schedules::Crossover best = above_all(layers, 0);
    for (const double slope : slopes) {
        const schedules::Crossover crossover = above_all(layers, slope);
        if (crossover.at(1) < 100 && mean(crossover, layers) < mean(best, layers) - 1e-9) best = crossover;
    }
    return best;
}

}  // namespace sparsetrain::tune
