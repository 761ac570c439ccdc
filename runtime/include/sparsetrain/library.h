// What this build of the library is and what it can run on.
//
// The library prints nothing, unless the environment variable SPARSETRAIN_VERBOSE is 1 or 2. (0 is as if it
// were not set; with any other value, Conv2d's constructor throws Error(unsupported).) Then stderr gets, with
// the first Conv2d, a line "sparsetrain_verbose,info,sparsetrain,version:...,uarch:...,isa:...", and for
// every call of a pass that succeeds a line of comma-separated fields, in one write:
//
//   sparsetrain_verbose,exec,<layer class>,<pass>,<problem>,<kernel>,<operand>,<zeros>,<skipped>,<ms>
//
// `problem` is a benchdnn problem string. `zeros`: RunStatistics::zeros, of its `operand` `skipped`.
// `skipped`: percentage of the pass's FLOPs that the kernel left out for them. `ms`: wall time of the call,
// in which weights may have been packed. With 2, that line is followed by one for each kernel that the class
// has for the pass:
//
//   sparsetrain_verbose,choice,<layer class>,<pass>,<problem>,<kernel>,<blocking>,<skips>,<zeros>,
//   <predicted>,<measured>,<runs>,<why>
//
// in one line. `skips`: "nothing", "src", "diff_dst" or "results". `predicted`: its time by the tables,
// relative to dense's. `measured`: in ms, what it should take with these zeros by the best of the plan's last
// `runs` calls that tried it. Both are empty where it could not serve; `why` says why it ran, or did not.
#pragma once

#include <span>
#include <vector>

#include "sparsetrain/export.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

struct LayerClassInfo {
    const char* name;  // "conv3x3_stride1"
    int filter_h, filter_w;
    int stride;
    bool skips_zeros;    // has other kernels than dense; on "baseline" none has
    bool backward_data;  // has the pass bwd_data
};

SPARSETRAIN_API const char* version();
SPARSETRAIN_API const char* halide_version();  // of the Halide that compiled the kernels

// The instruction set of the kernels that this process runs: "avx512" (the Skylake server feature set),
// "avx2" (with FMA: x86-64-v3) or "baseline" (any x86-64 CPU), whichever is the best that the CPU and
// operating system have, or the one that the environment variable SPARSETRAIN_ISA names; "none" if they lack
// it.
SPARSETRAIN_API const char* instruction_set();

// Whose schedule tables these kernels were compiled with: "zen4", "sapphire_rapids" (and later), "skylake_x"
// (up to Cooper Lake), "avx512" (any other CPU with that instruction set), "avx2" or "baseline", as fits the
// CPU, or what the environment variable SPARSETRAIN_UARCH names; "none" if the CPU cannot run it or the two
// variables contradict each other.
SPARSETRAIN_API const char* microarchitecture();

// Those that the library is compiled for, and so what SPARSETRAIN_UARCH may name.
SPARSETRAIN_API std::span<const char* const> microarchitectures();

// Throws Error(unsupported) if there is none, as every other call would: it says what is missing.
SPARSETRAIN_API void require_supported_cpu();

// The kernels that a class has for a pass.
SPARSETRAIN_API std::vector<Kernel> kernels_of(const LayerClassInfo& layer, Pass pass);
// How far a result of a kernel may be from the sum of its products, besides what rounding each of them in
// float costs: in units of the results' root mean square. 0 of kernels that compute just that sum, and of
// those that the class has not.
SPARSETRAIN_API double error_bound_of(const LayerClassInfo& layer, Pass pass, Kernel kernel);

// The layer classes linked into this program, as microarchitecture() has them.
SPARSETRAIN_API std::span<const LayerClassInfo> layer_classes();

}  // namespace sparsetrain
