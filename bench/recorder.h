// What a run measured, and its summary: speeds over the peer.
#pragma once

#include <benchmark/benchmark.h>

#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "group.h"

namespace sparsetrain::bench {

// Which time is compared: the calling thread's on its CPU, which others on the machine disturb least, or the
// wall's, where there is more than one thread to wait for.
enum class Clock { cpu, wall };

// The times of a benchmark, one of each round, in milliseconds, by the benchmark's name.
using Times = std::map<std::string, std::vector<double>>;

// Shows everything as Google Benchmark would, and keeps it.
class Recorder : public benchmark::BenchmarkReporter {
  public:
    // Takes over Google Benchmark's own reporter, which --benchmark_format decided.
    Recorder(benchmark::BenchmarkReporter* display, Clock clock) : display_(display), clock_(clock) {}

    bool ReportContext(const Context& context) override { return display_->ReportContext(context); }
    void ReportRuns(const std::vector<Run>& runs) override;
    void Finalize() override { display_->Finalize(); }

    const Times& times() const { return times_; }
    // Whether any implementation gave up or computed something wrong.
    bool failed() const { return failed_; }

  private:
    std::unique_ptr<benchmark::BenchmarkReporter> display_;
    Clock clock_;
    Times times_;
    bool failed_ = false;
};

// Prints a table per pass, layers x percents: the peer's GFLOP/s, and of every other implementation the speed
// over the peer (ratio of the medians) with half the range that the rounds' own ratios span, in percent of
// the speed; one round has no range. Groups without times of the peer, and implementations without times,
// leave gaps.
void print_speeds(const Times& times, const std::vector<Layer>& layers, Clock clock, std::ostream& out);

}  // namespace sparsetrain::bench
