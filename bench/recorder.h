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

// The times of a benchmark, one of each round, in milliseconds of CPU time, by the benchmark's name.
using Times = std::map<std::string, std::vector<double>>;

// Shows everything as Google Benchmark would, and keeps it.
class Recorder : public benchmark::BenchmarkReporter {
  public:
    // Takes over Google Benchmark's own reporter, which --benchmark_format decided.
    explicit Recorder(benchmark::BenchmarkReporter* display) : display_(display) {}

    bool ReportContext(const Context& context) override { return display_->ReportContext(context); }
    void ReportRuns(const std::vector<Run>& runs) override;
    void Finalize() override { display_->Finalize(); }

    const Times& times() const { return times_; }
    // Whether any implementation gave up or computed something wrong.
    bool failed() const { return failed_; }

  private:
    std::unique_ptr<benchmark::BenchmarkReporter> display_;
    Times times_;
    bool failed_ = false;
};

// Prints a table per pass, layers x percents: the peer's GFLOP/s, and of every other implementation the speed
// over the peer (ratio of the medians) with half the range that the rounds' own ratios span, in percent of
// the speed; one round has no range. Groups without times of the peer, and implementations without times,
// leave gaps.
void print_speeds(const Times& times, const std::vector<Layer>& layers, std::ostream& out);

}  // namespace sparsetrain::bench
