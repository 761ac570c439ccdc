// A user's own Halide pipeline: one that allocates, runs a parallel loop, and checks its buffers.
#include <Halide.h>

using namespace Halide;

namespace {

class Negate : public Generator<Negate> {
  public:
    Input<Buffer<float, 2>> input{"input"};
    Output<Buffer<float, 2>> output{"output"};

    void generate() {
        copy_(x, y) = input(x, y);
        output(x, y) = -copy_(x, y);
    }
    void schedule() {
        copy_.compute_root().store_in(MemoryType::Heap);
        output.parallel(y);
    }

  private:
    Var x{"x"}, y{"y"};
    Func copy_{"copy"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(Negate, negate)
