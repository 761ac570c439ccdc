// How weights in the master layout (k lane, c lane, s, r, c block, k block) are brought into the order that
// `zero_skip` reads.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/row_of_tiles.h"

using namespace Halide;

namespace {

// fwd and bwd_data of `zero_skip`: (slab, r, group, chunk), slab = [group][S][KV][16]; groups of input
// channels and chunks of output channels in fwd, the other way round in bwd_data. Channels beyond the last
// are zero.
class ConvPackZeroSkip : public sparsetrain::generators::ClassGenerator<ConvPackZeroSkip> {
  public:
    GeneratorParam<std::string> pass{"pass", "fwd"};

    Input<Buffer<float, 6>> master{"master"};
    Output<Buffer<float, 4>> packed{"packed"};

    void generate() {
        const auto row =
            sparsetrain::generators::row_of_tiles<sparsetrain::schedules::ZeroSkipRow>(tile_sizes);
        const bool is_forward = pass.value() == "fwd";
        const int blocks_in_group = row.group / 16;
        const Expr in_blocks = master.dim(is_forward ? 4 : 5).extent(),
                   out_blocks = master.dim(is_forward ? 5 : 4).extent();
        const Expr ib = group * blocks_in_group + in_group / 16, ob = chunk * row.k_vectors + kv;
        const Expr il = in_group % 16, some_ib = min(ib, in_blocks - 1), some_ob = min(ob, out_blocks - 1);
        const Expr weight =
            is_forward ? master(o, il, s, r, some_ib, some_ob) : master(il, o, s, r, some_ob, some_ib);
        slab_(o, kv, s, in_group, r, group, chunk) = select(ib < in_blocks && ob < out_blocks, weight, 0.0f);

        const int tap = row.k_vectors * 16;
        packed(i, r, group, chunk) =
            slab_(i % 16, i / 16 % row.k_vectors, i / tap % filter_w, i / (tap * filter_w), r, group, chunk);
    }

    void schedule() {
        Func(packed).bound(r, 0, filter_h).split(i, i, o, 16).vectorize(o).parallel(group).parallel(chunk);
    }

  private:
    Var i{"i"}, o{"o"}, kv{"kv"}, s{"s"}, in_group{"in_group"}, r{"r"}, group{"group"}, chunk{"chunk"};
    Func slab_{"slab"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvPackZeroSkip, conv_pack_zero_skip)
