// The stages of one zero_skip pass of one layer class, fwd or bwd_data: compiled once per schedule row, which
// CMake names by SPARSETRAIN_PASS, the symbols to export, and what runtime/stages/row.h says.
#include "runtime/stages/zero_skip/sweep.h"

namespace {

constexpr auto kRow = row_in_use<sparsetrain::schedules::ZeroSkipRow>();

constexpr bool kTransposed = sparsetrain::schedules::same_name(SPARSETRAIN_PASS, "bwd_data");

// A filter of one pixel meets every SPARSETRAIN_STRIDE-th pixel of src: between those, at stride 1.
constexpr bool kSampled = SPARSETRAIN_FILTER_W == 1 && SPARSETRAIN_STRIDE > 1;
static_assert(!kSampled || SPARSETRAIN_FILTER_H == 1);

using Sweep = ZeroSkipSweep<kTransposed, SPARSETRAIN_FILTER_H, SPARSETRAIN_FILTER_W,
                            kSampled ? 1 : SPARSETRAIN_STRIDE, kRow.group, kRow.k_vectors>;
using Lists = NonzeroLists<kRow.group, kSampled && !kTransposed ? SPARSETRAIN_STRIDE : 1, Sweep::kPhases>;

}  // namespace

extern "C" int SPARSETRAIN_LISTS_SYMBOL(halide_buffer_t* src, int width, int blocks,
                                        halide_buffer_t* records) {
    return Lists::run(src, width, blocks, records);
}

extern "C" int SPARSETRAIN_SWEEP_SYMBOL(halide_buffer_t* records, halide_buffer_t* weights, int src_h,
                                        int src_w, int groups, int pad_top, int pad_left, int dst_w,
                                        halide_buffer_t* tile) {
    return Sweep::run(records, weights, src_h, src_w, groups, pad_top, pad_left, dst_w, tile);
}
