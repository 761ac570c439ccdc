// The lines on stderr that the environment variable SPARSETRAIN_VERBOSE asks for: see sparsetrain/library.h.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "kernel_choice.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

// The level of lines that `value` of the variable (null: it is not set) asks for. Throws Error(unsupported)
// for any other than 0, 1 and 2.
int verbosity_of(const char* value);

// The same of this process, whose variable is read once. If there are to be lines, the first call prints that
// of the library. Throws as verbosity_of does.
int verbosity();

// A convolution as oneDNN's verbose writes it, which conv_bench reads. Padding below and right that no filter
// reaches is left out.
std::string problem_string(const ConvShape& shape);

// One call of a pass, timed from the constructor on unless lines are off.
class VerboseCall {
  public:
    explicit VerboseCall(bool is_timed) {
        if (is_timed) start_ = std::chrono::steady_clock::now();
    }
    void print(const char* layer_class, const ConvShape& shape, const RunStatistics& run) const;

  private:
    std::chrono::steady_clock::time_point start_{};
};

// The lines of level 2: one for each kernel that the class has for the pass.
void print_choice(const char* layer_class, const ConvShape& shape, std::span<const Explanation> kernels);

}  // namespace sparsetrain::detail
