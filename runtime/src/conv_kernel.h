// A way to compute one pass of a layer class on a microarchitecture, as a record of the class's list
// (layer_class.h): all that plans, tests, benchmarks and `sparsetrain tune` know of it. Kinds of records are
// in kernels/.
#pragma once

#include <HalideRuntime.h>

#include <array>

#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

struct ConvCall;  // conv_call.h

// What a kernel leaves out: nothing, products of the zeros of an operand, or results (of bwd_data) that a
// ReLU's backward would replace by zero.
enum class Skips { nothing, src, diff_dst, results };

// The order in which a kernel reads weights, innermost dimension first.
struct Extents {
    std::array<int, 6> of{};
    int dimensions = 0;

    double elements() const {  // in double, as those that are refused may overflow an integer
        double product = 1;
        for (int i = 0; i < dimensions; ++i) product *= of[static_cast<std::size_t>(i)];
        return product;
    }
};
// (context, master, packed)
using PackPipeline = int (*)(const void*, halide_buffer_t*, halide_buffer_t*);
// Who makes that order of the master's; null: the kernel reads the master. Kernels with one pipeline share
// what it packs.
struct Packing {
    PackPipeline pipeline = nullptr;
    Extents extents;
};

class ConvKernel {
  public:
    constexpr ConvKernel(Kernel its_name, Pass its_pass, Skips its_skips, const char* its_blocking = "")
        : name(its_name), pass(its_pass), skips(its_skips), blocking(its_blocking) {}

    Kernel name;
    Pass pass;
    Skips skips;
    const char* blocking;  // which of the ways that a kernel has to cut its work; "" where there is one
    // How far a result may be from the sum of its products, besides their rounding, in units of the results'
    // RMS; 0: it is that sum.
    double error_bound = 0;

    // Whether its blocking suits a plan of this shape, which has the first that does, or the last.
    virtual bool suits(const ConvShape& /*shape*/) const { return true; }

    // Of what its row in schedules/costs is, besides class, pass and kernel; and how many channels share what
    // it costs whatever the zeros are.
    virtual const char* cost_is_of(const ConvShape& /*shape*/) const { return blocking; }
    virtual int channels_of_cost(const ConvShape& shape) const = 0;

    // Of the weights that a pass fwd or bwd_data reads.
    virtual Packing packing(const WeightsShape& master) const = 0;

    // Bytes of the largest block of scratch memory that a call on so many threads allocates for buffers of
    // this shape (shape_for_kernels), as the generator has it, or somewhat more; blocks whose size has a
    // bound, well below the limit, may be left out. In double, as sizes that are refused may overflow the
    // integers that valid ones fit.
    virtual double largest_scratch(const ConvShape& shape, int threads) const = 0;
    // Whether it may be more for more threads.
    virtual bool scratch_grows_with_threads() const { return false; }

    // Throws Error where a pipeline fails.
    virtual void run(const ConvCall& call) const = 0;

  protected:
    ~ConvKernel() = default;
};

}  // namespace sparsetrain::detail
