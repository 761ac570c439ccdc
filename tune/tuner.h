// The search for better rows, one subject after the other, within a budget of time.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "tune/arena.h"
#include "tune/findings.h"
#include "tune/search_space.h"
#include "tune/workshop.h"

namespace sparsetrain::tune {

struct TuningRequest {
    std::vector<Subject> subjects;
    std::vector<bench::Layer> layers;
    std::vector<int> percents;  // of zeros, for kernels that skip
    double budget_seconds = 0;
    std::filesystem::path out;
    std::string comment;  // on top of the file
};

struct TuningStatus {
    std::string doing;  // "building 4 rows of conv3x3_stride1/fwd/zero_skip/wide"
    int rows_tried = 0;
    double best = 1;  // speed of the best row of that subject so far, over today's
    double seconds_spent = 0, seconds_left = 0;
};

// Whoever watches a tuning.
class Watcher {
  public:
    virtual ~Watcher() = default;
    virtual void show(const TuningStatus& status) = 0;
    virtual bool wants_to_stop() const = 0;
};

class Tuner {
  public:
    // All but the request outlive it.
    Tuner(TuningRequest request, const schedules::Tables& tables, Workshop& workshop, Journal& journal,
          Watcher& watcher);

    Tuner(const Tuner&) = delete;
    Tuner& operator=(const Tuner&) = delete;

    // Until nothing is left that is worth a try, the budget is spent or the watcher wants to stop. After
    // every step request.out is complete, and has the winners so far.
    void run();

    const Findings& findings() const { return findings_; }

  private:
    struct Search {
        Subject subject;
        SearchSpace space;
        std::vector<std::string> layers;
        int turns_without_gain = 0;
        bool is_over = false;
    };

    bool must_stop() const;
    void show(const std::string& doing, const Subject& subject);
    void add(const Json& record);
    void write_table() const;

    Search* next_search();
    void take_turn(Search& search);
    void judge(Search& search, const std::vector<CandidateRow>& rows, const Standings& standings);
    // Whether it got to the end.
    bool confirm(const Search& search, const CandidateRow& row);
    std::vector<std::string> layers_for(const Subject& subject, const std::vector<TileSizes>& rows) const;
    Contest contest_of(const Search& search, int rounds, double hope) const;
    TileSizes best_sizes(const Search& search) const;
    double best_speed(const Subject& subject) const;

    // Measures what the best rows of a pass so far cost, relative to the best of dense, unless that has been
    // done.
    void compare_with_dense(const Subject& any_of_pass);
    void compare_with_dense(const Subject& any_of_pass, Kernel kernel);
    std::string best_of(const Subject& any_of_pass, Kernel kernel, std::vector<CandidateRow>& needed) const;

    using Clock = std::chrono::steady_clock;
    double seconds_spent() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

    TuningRequest request_;
    const schedules::Tables& tables_;
    Workshop& workshop_;
    Journal& journal_;
    Watcher& watcher_;
    Arena arena_;
    Findings findings_;
    std::vector<Search> searches_;
    Clock::time_point start_;
    double seconds_of_turns_ = 0;
    int turns_ = 0;
};

}  // namespace sparsetrain::tune
