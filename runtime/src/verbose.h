// The lines on stderr that the environment variable SPARSETRAIN_VERBOSE asks for: see sparsetrain/library.h.
#pragma once

#include <chrono>
#include <string>

#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

// Whether `value` of the variable (null: it is not set) asks for lines. Throws Error(unsupported) for any
// other than 0 and 1.
bool wants_lines(const char* value);

// The same of this process, whose variable is read once. If so, the first call prints the line of the
// library. Throws as wants_lines does.
bool is_verbose();

// A convolution as oneDNN's verbose writes it, which conv_bench reads. Padding below and right that no filter
// reaches is left out.
std::string problem_string(const ConvShape& shape);

// One call of a pass, timed from the constructor on unless lines are off.
class VerboseCall {
  public:
    explicit VerboseCall(bool verbose) : verbose_(verbose) {
        if (verbose_) start_ = std::chrono::steady_clock::now();
    }
    void print_if_verbose(const char* layer_class, const ConvShape& shape, const RunStatistics& run) const {
        if (verbose_) print(layer_class, shape, run);
    }

  private:
    void print(const char* layer_class, const ConvShape& shape, const RunStatistics& run) const;

    bool verbose_;
    std::chrono::steady_clock::time_point start_{};
};

}  // namespace sparsetrain::detail
