// How weights in the master layout (k lane, c lane, s, r, c block, k block) are brought into the order that
// `dense` reads.
#include <Halide.h>

#include "generators/class_generator.h"

using namespace Halide;

namespace {

// bwd_data of `dense`: (c lane, k lane, s, r, k block, c block), rotated by 180 degrees.
class ConvPackDense : public sparsetrain::generators::ClassGenerator<ConvPackDense> {
  public:
    Input<Buffer<float, 6>> master{"master"};
    Output<Buffer<float, 6>> packed{"packed"};

    void generate() { packed(o, i, s, r, ib, ob) = master(i, o, filter_w - 1 - s, filter_h - 1 - r, ob, ib); }
    void schedule() { Func(packed).bound(o, 0, 16).bound(i, 0, 16).vectorize(o).unroll(i).parallel(ob); }

  private:
    Var o{"o"}, i{"i"}, s{"s"}, r{"r"}, ib{"ib"}, ob{"ob"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvPackDense, conv_pack_dense)
