// How weights in the master layout (k lane, c lane, s, r, c block, k block) are brought into the order that
// `output_mask` reads.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/row_of_tiles.h"

using namespace Halide;

namespace {

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
        const auto row =
            sparsetrain::generators::row_of_tiles<sparsetrain::schedules::OutputMaskRow>(tile_sizes);
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

HALIDE_REGISTER_GENERATOR(ConvPackOutputMask, conv_pack_output_mask)
