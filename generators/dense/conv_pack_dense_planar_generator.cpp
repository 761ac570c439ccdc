// How weights of few input channels are brought into the order in which `dense` reads them.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/lanes.h"

using namespace Halide;

namespace {

// The master layout (k lane, c lane, s, r, c block, k block) as (k lane, s, plane row, k block): of a filter
// row one plane row per channel, and none for the lanes that pad them.
class ConvPackDensePlanar : public sparsetrain::generators::ClassGenerator<ConvPackDensePlanar> {
  public:
    Input<Buffer<float, 6>> master{"master"};
    Output<Buffer<float, 4>> packed{"packed"};

    void generate() {
        const Expr channels = packed.dim(2).extent() / filter_h;
        packed(k, s, row, kb) = master(k, clamp(row % channels, 0, sparsetrain::generators::kLanes - 1), s,
                                       clamp(row / channels, 0, filter_h - 1), 0, kb);
    }
    void schedule() {
        sparsetrain::generators::declare_lanes(master);
        sparsetrain::generators::declare_lanes(packed);
        Func(packed).bound(k, 0, 16).bound(s, 0, filter_w).vectorize(k).parallel(kb);
    }

  private:
    Var k{"k"}, s{"s"}, row{"row"}, kb{"kb"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvPackDensePlanar, conv_pack_dense_planar)
