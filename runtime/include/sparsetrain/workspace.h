// What one caller needs beside an immutable plan: threads and scratch memory.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "sparsetrain/export.h"

namespace sparsetrain {

enum class Pass { fwd, bwd_data, bwd_weights };

// A way to compute a pass. `dense` computes every product; `zero_skip` skips those whose operand is zero;
// `output_mask` (bwd_data only) those of results that a ReLU's backward would replace by zero.
enum class Kernel { dense, zero_skip, output_mask };

// A tensor whose zeros a kernel may skip.
enum class Operand { src, diff_dst };

SPARSETRAIN_API std::span<const Kernel> kernels();  // all there are

SPARSETRAIN_API const char* to_string(Pass pass);
SPARSETRAIN_API const char* to_string(Kernel kernel);
SPARSETRAIN_API const char* to_string(Operand operand);

// A pool of threads that the caller hands over: runs task(0) to task(tasks - 1), each once, in any order and
// on any threads, the calling one included, and returns when all have ended. Tasks throw nothing and do not
// wait for each other, so that to run one after the other is right, too.
//
// It is called on the thread that called the library, and from within tasks, as loops nest: by several
// threads at one time. If it throws, the tasks that it began must have ended; the library's call then throws
// the same (the first, of several), and leaves its outputs undefined. If it returns though it began no task,
// the call throws Error(invalid_argument). While a call waits in it, its thread may do other work, but none
// with the call's Workspace.
using ParallelFor = std::function<void(int tasks, const std::function<void(int)>& task)>;

inline constexpr int kMostThreads = 256;  // of a call

// Scratch memory, kept between calls, and threads. One call at a time may use a Workspace; give each thread
// of yours its own. Scratch memory is about what the largest call needs.
//
// Without a pool of the caller's, calls use threads that the library starts when they are first needed and
// keeps, except inside an active parallel region of OpenMP, whose threads have the cores already: there a
// call runs on its caller's thread alone, as if `threads` were 1. (The OpenMP runtime must be linked to the
// program or to the shared library that this one is part of; one that is only loaded with dlopen is not
// noticed.) Threads that no call uses sleep. A process may fork() while calls run: its child has threads of
// its own, and may use all but the Workspaces of those calls. With a pool, all parallel work of calls goes to
// it, wherever they are made, and no thread of the library's runs.
class SPARSETRAIN_API Workspace {
  public:
    // `threads` from 1 to kMostThreads: how many a call may use at one time, its caller's included; of
    // `pool`, how many tasks. Throws Error(invalid_argument) otherwise.
    explicit Workspace(int threads = 1, ParallelFor pool = {});
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

    int threads() const;
    // For the calls that follow; not while one runs. Throws like the constructor, and then changes nothing.
    void set_threads(int threads);

    class Impl;  // private to the library
    Impl& impl() const;

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace sparsetrain
