// The register tiles of dense's fwd and bwd_data: sums of `x_tile` pixels by `k_vectors` vectors of output
// channels, as a Func whose dimensions k (lane), in_tile (pixel) and kb (vector) are unrolled.
#pragma once

#include <Halide.h>

#include <string>
#include <vector>

#include "schedules/budgets.h"

namespace sparsetrain::generators {

class RegisterTile {
  public:
    Halide::Var k{"k"}, in_tile{"in_tile"}, kb{"kb"};

    // Computes `sum` in registers for one tile at a time: an iteration of `loop` of `consumer`, where the
    // dimensions `single` have one value.
    template <typename Row>
    void keep(Halide::Func sum, const Row& row, Halide::LoopLevel loop,
              const std::vector<Halide::Var>& single) const {
        sum.compute_at(loop).store_in(Halide::MemoryType::Register);
        for (const Halide::Var& var : single) sum.bound_extent(var, 1);
        initialise(sum, row, {single.begin(), single.end()});
    }

    // The tile's own loops in the initial values of `sum`, inside `outer`.
    template <typename Row>
    void initialise(Halide::Func sum, const Row& row, std::vector<Halide::VarOrRVar> outer) const {
        outer.insert(outer.begin(), {k, kb, in_tile});
        sum.bound(in_tile, 0, row.x_tile)
            .bound_extent(kb, row.k_vectors)
            .reorder(outer)
            .vectorize(k)
            .unroll(in_tile)
            .unroll(kb);
    }

    // The same in what is added to them, of taps (channel, column, row, ...) with a number of columns. The
    // fewer of a tile's pixels and of its vectors of weights stay in registers while the others pass through
    // one. Vectors are as long as a register, so that it is up to this order, and not to how the compiler
    // splits longer ones.
    //
    // Where registers allow, all columns take their turn before the next c lane: neighbouring pixels of a
    // tile then share the pixels of the source, which cores with two FMAs per cycle need: 12 FMAs with 9
    // loads took 7.6 cycles on one of them, and 6.3 with 3.
    template <typename Row>
    void accumulate(Halide::Stage sum, const Row& row, const schedules::Registers& registers,
                    const Halide::RDom& taps, const schedules::SourceColumns& columns,
                    std::vector<Halide::VarOrRVar> outer) const {
        const Halide::Var part("part");
        sum.split(k, part, k, 16 / registers.per_vector);
        if (columns.are_shared(row, registers)) {
            outer.insert(outer.begin(), {taps.y, taps.x});
            sum.unroll(taps.y);
        } else {
            outer.insert(outer.begin(), {taps.x, taps.y});
        }
        if (row.x_tile <= row.k_vectors * registers.per_vector) {
            outer.insert(outer.begin(), {k, in_tile, part, kb});
        } else {
            outer.insert(outer.begin(), {k, part, kb, in_tile});
        }
        sum.reorder(outer).vectorize(k).unroll(in_tile).unroll(part).unroll(kb);
    }

    // Computes `sum` (k, in_tile, tile, y, kb, n) over `taps` for all tiles of an iteration of `block`, a
    // chunk of input channels after the other: the sums stay in L1 or L2, as the weights of a chunk do in L1.
    // Returns the stage that adds a chunk up.
    Halide::Stage keep_block(Halide::Func sum, const Halide::RDom& taps, const schedules::DenseRow& row,
                             const schedules::Registers& registers, const schedules::SourceColumns& columns,
                             const Halide::LoopLevel& block) const {
        const Halide::Var tile("tile"), y("y"), n("n"), chunk("chunk");
        const Halide::RVar chunks("chunks"), in_chunk("in_chunk");
        sum.compute_at(block);
        initialise(sum, row, {tile, y, n});
        sum.update().split(taps.w, chunks, in_chunk, row.chunk);
        const Halide::Func chunk_sum = sum.update().rfactor(chunks, chunk);
        sum.update().reorder(k, kb, in_tile, tile, y, n, chunks).vectorize(k).unroll(in_tile).unroll(kb);
        keep(chunk_sum, row, Halide::LoopLevel(sum, tile), {tile, y, n, chunk});
        const Halide::Stage added = Halide::Func(chunk_sum).update();
        accumulate(added, row, registers, taps, columns, {taps.z, in_chunk, tile, y, n});
        return added;
    }
};

}  // namespace sparsetrain::generators
