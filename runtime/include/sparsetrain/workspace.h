// What one caller needs beside an immutable plan: threads, scratch memory, and what the last call did.
#pragma once

#include <memory>

#include "sparsetrain/export.h"

namespace sparsetrain {

enum class Pass { fwd, bwd_data, bwd_weights };

// A way to compute a pass. `dense` computes every product; `zero_skip` skips those whose operand is zero.
enum class Kernel { dense, zero_skip };

// An input whose zeros a kernel may skip.
enum class Operand { src, diff_dst };

SPARSETRAIN_API const char* to_string(Pass pass);
SPARSETRAIN_API const char* to_string(Kernel kernel);
SPARSETRAIN_API const char* to_string(Operand operand);

// What the last convolution call on a Workspace did.
struct RunStatistics {
    Pass pass = Pass::fwd;
    Kernel kernel = Kernel::dense;
    // The operand whose zeros zero_skip skips, or would have skipped where dense ran: src in fwd, diff_dst in
    // bwd_data, and in bwd_weights the one that was seen to be the sparser.
    Operand skipped = Operand::src;
    double zeros = 0;  // percentage of zeros seen in `skipped`
};

// Scratch memory, kept between calls, and a thread count. One call at a time may use a Workspace; give each
// thread of yours its own.
class SPARSETRAIN_API Workspace {
  public:
    // `threads` from 1 to 256, counting the caller's. Throws Error(invalid_argument) otherwise.
    explicit Workspace(int threads = 1);
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

    int threads() const;
    const RunStatistics& last_run() const;

    class Impl;  // private to the library
    Impl& impl() { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace sparsetrain
