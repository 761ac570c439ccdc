// The stage of output_mask of one layer class: compiled once per schedule row, which CMake names by
// the symbol to export and what runtime/stages/row.h says.
#include "runtime/stages/output_mask/gather.h"

namespace {

constexpr auto kRow = row_in_use<sparsetrain::schedules::OutputMaskRow>();

using Gather = OutputMask<SPARSETRAIN_FILTER_H, SPARSETRAIN_FILTER_W, SPARSETRAIN_STRIDE, kRow.group,
                          kRow.tap_rows, kRow.vectors>;

}  // namespace

extern "C" int SPARSETRAIN_GATHER_SYMBOL(halide_buffer_t* diff_dst, halide_buffer_t* weights,
                                         halide_buffer_t* relu_mask, halide_buffer_t* scratch, int dst_w,
                                         int dst_h, int k_blocks, int pad_top, int pad_left,
                                         halide_buffer_t* tile) {
    return Gather::run(diff_dst, weights, relu_mask, scratch, dst_w, dst_h, k_blocks, pad_top, pad_left,
                       tile);
}
