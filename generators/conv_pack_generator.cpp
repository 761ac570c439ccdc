// How weights in the master layout (k lane, c lane, s, r, c block, k block) are brought into the order that a
// kernel reads.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/schedule_of.h"

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

// fwd and bwd_data of `zero_skip`: (slab, r, group, chunk), slab = [group][S][KV][16]; groups of input
// channels and chunks of output channels in fwd, the other way round in bwd_data. Channels beyond the last
// are zero.
class ConvPackScatter : public sparsetrain::generators::ClassGenerator<ConvPackScatter> {
  public:
    GeneratorParam<std::string> pass{"pass", "fwd"};
    GeneratorParam<std::string> blocking{"blocking", ""};

    Input<Buffer<float, 6>> master{"master"};
    Output<Buffer<float, 4>> packed{"packed"};

    void generate() {
        const auto row = sparsetrain::generators::schedule_of(&sparsetrain::schedules::Tables::scatter, uarch,
                                                              layer_class, own_tiles, pass, blocking);
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

    void schedule() { Func(packed).bound(r, 0, filter_h).split(i, i, o, 16).vectorize(o).parallel(chunk); }

  private:
    Var i{"i"}, o{"o"}, kv{"kv"}, s{"s"}, in_group{"in_group"}, r{"r"}, group{"group"}, chunk{"chunk"};
    Func slab_{"slab"};
};

// bwd_data of `output_mask`: (k lane, vector, channel group), where the vectors of a group are those of one
// phase (see runtime/stages/output_mask.h) after the other, each [k chunk][filter rows taken at a
// time][channel of the group][row][column][k vector]. Filter rows and columns are in the order of the
// diff_dst rows and columns that they meet. Input channels beyond the last are undefined.
class ConvPackOutputMask : public sparsetrain::generators::ClassGenerator<ConvPackOutputMask> {
  public:
    Input<Buffer<float, 6>> master{"master"};
    Output<Buffer<float, 3>> packed{"packed"};

    void generate() {
        packed(kl, i, group) = undef<float>();
        for (int r = 0; r < filter_h; ++r) {
            for (int s = 0; s < filter_w; ++s) pack_tap(r, s);
        }
    }

    void schedule() {
        Func pack = packed;
        pack.bound(kl, 0, 16);
        for (int tap = 0; tap < pack.num_update_definitions(); ++tap)
            pack.update(tap).vectorize(kl).parallel(group);
    }

  private:
    // The taps of a phase's row or column, and the place of tap `at` among them, the last one first.
    struct Line {
        int first, taps, place;
        Line(int at, int size, int stride)
            : first(at % stride),
              taps(sparsetrain::schedules::taps_of_phase(size, stride, first)),
              place(taps - 1 - at / stride) {}
    };

    void pack_tap(int r, int s) {
        const auto row = sparsetrain::generators::schedule_of(&sparsetrain::schedules::Tables::output_mask,
                                                              uarch, layer_class, own_tiles, "bwd_data");
        const Line line(r, filter_h, stride), column(s, filter_w, stride);
        const auto cut = sparsetrain::schedules::cut_phase(row.tap_rows, row.vectors, line.taps, column.taps);
        const Expr k_blocks = master.dim(5).extent(), c_blocks = master.dim(4).extent();
        RDom of(0, row.group, 0, k_blocks);
        const Expr channel = of.x, kb = of.y, chunk = kb / cut.k_vectors * cut.k_vectors;
        const Expr vectors = min(cut.k_vectors, k_blocks - chunk);
        const int first_row = line.place / cut.tap_rows * cut.tap_rows;
        const int rows = std::min(cut.tap_rows, line.taps - first_row);
        const int place = (line.place - first_row) * column.taps + column.place;
        const Expr begin = row.group * (taps_before(line.first, column.first) * k_blocks +
                                        column.taps * (chunk * line.taps + first_row * vectors));
        const Expr at = begin + (channel * rows * column.taps + place) * vectors + kb - chunk;
        const Expr cb = group * (row.group / 16) + channel / 16;
        packed(kl, clamp(at, 0, packed.dim(1).extent() - 1), group) =
            master(kl, channel % 16, s, r, min(cb, c_blocks - 1), kb);
    }

    // Of the phases before that whose first tap is (r, s).
    int taps_before(int r, int s) {
        int taps = 0;
        for (int before = 0; before < r * stride + s; ++before) {
            taps += sparsetrain::schedules::taps_of_phase(filter_h, stride, before / stride) *
                    sparsetrain::schedules::taps_of_phase(filter_w, stride, before % stride);
        }
        return taps;
    }

    Var kl{"kl"}, i{"i"}, group{"group"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvPackDense, conv_pack_dense)
HALIDE_REGISTER_GENERATOR(ConvPackScatter, conv_pack_scatter)
HALIDE_REGISTER_GENERATOR(ConvPackOutputMask, conv_pack_output_mask)
