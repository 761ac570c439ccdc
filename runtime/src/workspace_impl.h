#pragma once

#include <map>
#include <utility>

#include "scratch_pool.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

class Workspace::Impl {
  public:
    explicit Impl(int thread_count) : threads(thread_count) {}

    int threads;
    detail::ScratchPool scratch;
    RunStatistics last_run;
    // What `auto` chose last for a (plan, pass): the state of its hysteresis.
    struct Choice {
        Kernel kernel;
        Operand skipped;
    };
    std::map<std::pair<unsigned long, Pass>, Choice> last_choice;
};

}  // namespace sparsetrain
