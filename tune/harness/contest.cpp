#include "tune/harness/contest.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "conv_class.h"

namespace sparsetrain::tune {
namespace {

using Json = nlohmann::ordered_json;

void print(const Json& line) {
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
}

Policy kernel_from(const std::string& word) {
    const Policy policy = policy_from_string(word.c_str());
    if (policy != Policy::automatic) return policy;
    throw Error(ErrorCode::invalid_argument, "expected a kernel, given " + word);
}

bool skips_results(const Contestant& contestant, const detail::LayerClass& today, const ConvShape& shape,
                   Pass pass) {
    return detail::kernels_of_plan(today, shape, contestant.policy, pass).front()->skips ==
           detail::Skips::results;
}

const Candidate* candidate_of(const std::string& name) {
    for (const Candidate* candidate : linked_candidates())
        if (name == candidate->name) return candidate;
    throw Error(ErrorCode::invalid_argument, "expected a candidate that is linked, given " + name);
}

std::span<float> result_of(bench::Problem& problem) {
    if (problem.pass == Pass::bwd_weights) return problem.weights.values();
    return problem.pass == Pass::fwd ? problem.dst.values() : problem.src.values();
}

// What kernels that skip results leave out of those of the others.
void apply_relu_mask(bench::Problem& problem) {
    const std::span<float> values = problem.src.values();
    const auto& words = problem.relu_mask.words();
    for (std::size_t i = 0; i < values.size(); ++i)
        if ((words[i / kLanes] >> i % kLanes & 1) == 0) values[i] = 0;
}

double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Of one run, among as many as make a measurable time.
double time_of(Runner& runner) {
    constexpr double kLeastSeconds = 0.008;
    const double start = thread_seconds();
    double seconds = 0;
    int runs = 0;
    while (seconds < kLeastSeconds) {
        runner.run();
        ++runs;
        seconds = thread_seconds() - start;
    }
    return seconds / runs;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// A contestant at one problem.
struct Entry {
    Entry(Contestant& who, bench::Problem& problem, const detail::LayerClass& today)
        : contestant(who), variant(today) {
        for (const Candidate* candidate : who.candidates) variant.replace_by(*candidate);
        runner.emplace(problem, variant.layer_class(), who.policy);
    }

    Contestant& contestant;
    Variant variant;
    std::optional<Runner> runner;
    std::vector<double> seconds, speeds;  // of every round; speeds are over the baseline
};

// One layer at one percent.
class Match {
  public:
    Match(const ContestOptions& options, const bench::Layer& layer, int percent, bool masked)
        : options_(options),
          layer_(layer),
          percent_(percent),
          masked_(masked),
          today_(detail::find_class_of(layer.shape)),
          problem_(layer.shape, options.pass, percent,
                   masked ? bench::ZerosIn::relu_mask : bench::ZerosIn::operand) {
        problem_.forget_result();
        Runner(problem_, today_, Policy::dense).run();
        if (masked_) apply_relu_mask(problem_);
        if (const std::string mistake = problem_.find_mistake(); !mistake.empty())
            throw std::runtime_error("dense, " + layer.name + ": " + mistake);
        const std::span<const float> values = result_of(problem_);
        truth_.assign(values.begin(), values.end());
    }

    void run(Contestant& baseline, std::vector<Contestant>& contestants) {
        Entry first(baseline, problem_, today_);
        if (!is_right(first)) throw std::runtime_error(baseline.name + " as baseline is wrong");
        std::vector<std::unique_ptr<Entry>> entries;
        for (Contestant& contestant : contestants) {
            if (contestant.is_out) continue;
            entries.push_back(std::make_unique<Entry>(contestant, problem_, today_));
            if (!is_right(*entries.back())) entries.pop_back();
        }
        for (int round = 0; round < options_.rounds; ++round) take_turns(first, entries, round);
        for (const auto& entry : entries) report(*entry, first);
    }

  private:
    // Every element: sums of small integers are exact in any order.
    bool is_right(Entry& entry) {
        print(line_of(entry, "begin"));
        problem_.forget_result();
        entry.runner->run();
        if (masked_ && !skips_results(entry.contestant, today_, layer_.shape, options_.pass))
            apply_relu_mask(problem_);
        const std::span<const float> found = result_of(problem_);
        const auto [wrong, expected] = std::mismatch(found.begin(), found.end(), truth_.begin());
        if (wrong == found.end()) return true;
        std::ostringstream mistake;
        mistake << "expected " << *expected << ", found " << *wrong << " at element "
                << wrong - found.begin();
        Json line = line_of(entry, "mistake");
        line["mistake"] = mistake.str();
        print(line);
        entry.contestant.is_out = true;
        return false;
    }

    // Contestants rotate, as what runs before leaves caches and clock in its own state.
    void take_turns(Entry& first, std::vector<std::unique_ptr<Entry>>& entries, int round) {
        first.seconds.push_back(time_of(*first.runner));
        for (std::size_t i = 0; i < entries.size(); ++i) {
            Entry& entry = *entries[(i + static_cast<std::size_t>(round)) % entries.size()];
            if (entry.contestant.is_out) continue;
            entry.seconds.push_back(time_of(*entry.runner));
            entry.speeds.push_back(first.seconds.back() / entry.seconds.back());
            if (round == 0) drop_if_hopeless(entry);
        }
    }

    void drop_if_hopeless(Entry& entry) const {
        Contestant& contestant = entry.contestant;
        const double speed =
            std::exp((contestant.log_speeds + std::log(entry.speeds.front())) / (contestant.measured + 1));
        if (speed >= options_.hope) return;
        contestant.is_out = true;
        Json line = line_of(entry, "out");
        line["speed"] = speed;
        print(line);
    }

    void report(const Entry& entry, const Entry& first) const {
        if (entry.contestant.is_out) return;
        entry.contestant.log_speeds += std::log(median(entry.speeds));
        ++entry.contestant.measured;
        Json line = line_of(entry, "measured");
        line["speeds"] = entry.speeds;
        line["ms"] = 1e3 * median(entry.seconds);
        line["baseline_ms"] = 1e3 * median(first.seconds);
        print(line);
    }

    Json line_of(const Entry& entry, const char* event) const {
        return {{"event", event},
                {"contestant", entry.contestant.name},
                {"layer", layer_.name},
                {"percent", percent_}};
    }

    const ContestOptions& options_;
    const bench::Layer& layer_;
    int percent_;
    bool masked_;
    const detail::LayerClass& today_;
    bench::Problem problem_;
    std::vector<float> truth_;
};

}  // namespace

Contestant::Contestant(std::string text)
    : name(std::move(text)), policy(kernel_from(name.substr(0, name.find(':')))) {
    if (name.find(':') == std::string::npos) return;
    std::istringstream words(name.substr(name.find(':') + 1));
    for (std::string word; std::getline(words, word, '+');) candidates.push_back(candidate_of(word));
}

void run_contest(const ContestOptions& options, const std::vector<bench::Layer>& layers, Contestant& baseline,
                 std::vector<Contestant>& contestants) {
    for (const bench::Layer& layer : layers) {
        const detail::LayerClass& today = detail::find_class_of(layer.shape);
        const bool masked = std::any_of(contestants.begin(), contestants.end(), [&](const Contestant& who) {
            return skips_results(who, today, layer.shape, options.pass);
        });
        for (const int percent : options.percents)
            Match(options, layer, percent, masked).run(baseline, contestants);
    }
}

}  // namespace sparsetrain::tune
