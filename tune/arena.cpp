#include "tune/arena.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace sparsetrain::tune {
namespace {

double geometric_mean(const std::vector<double>& values) {
    double logs = 0;
    for (const double value : values) logs += std::log(value);
    return std::exp(logs / static_cast<double>(values.size()));
}

}  // namespace

double ProblemSpeeds::median() const {
    std::vector<double> sorted = rounds;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

Speed Standing::speed() const {
    if (!failure.empty() || problems.empty()) return {last_speed, 0};
    std::vector<double> medians, of_rounds;
    for (const ProblemSpeeds& problem : problems) medians.push_back(problem.median());
    for (std::size_t round = 0; round < problems.front().rounds.size(); ++round) {
        std::vector<double> of_round;
        for (const ProblemSpeeds& problem : problems) of_round.push_back(problem.rounds[round]);
        of_rounds.push_back(geometric_mean(of_round));
    }
    const auto [least, most] = std::minmax_element(of_rounds.begin(), of_rounds.end());
    return {geometric_mean(medians), (*most - *least) / 2};
}

std::string Arena::note(const Json& line, const std::string& job, Standings& standings) const {
    const std::string event = line.at("event");
    std::string contestant = line.at("contestant");
    Standing& standing = standings[contestant];
    if (event == "begin") return contestant;
    if (event == "mistake") {
        standing.failure = "wrong: " + line.at("mistake").get<std::string>();
    } else if (event == "out") {
        standing.failure = "too slow";
        standing.last_speed = line.at("speed");
    } else {
        standing.problems.push_back({line.at("layer"), line.at("percent"), line.at("speeds")});
    }
    Json record = {{"record", "measurement"}, {"job", job}};
    record.update(line);
    journal_.append(record);
    return contestant;
}

std::optional<Standings> Arena::hold(Contest contest, const std::string& job) const {
    Standings standings, crashed;
    while (!contest.contestants.empty()) {
        std::string running;
        standings.clear();
        const auto on_line = [&](const Json& line) { running = note(line, job, standings); };
        if (workshop_.measure(contest, on_line, stop_)) break;
        if (stop_()) return std::nullopt;
        if (std::erase(contest.contestants, running) == 0)
            throw std::runtime_error("the program that measures failed with today's kernels: see " +
                                     workshop_.log().string());
        crashed[running].failure = "crashed";
    }
    for (const auto& [contestant, standing] : crashed) standings[contestant] = standing;
    return standings;
}

}  // namespace sparsetrain::tune
