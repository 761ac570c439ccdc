// The stage of one zero_skip bwd_weights of one layer class, by one operand: compiled once per schedule row
// and operand, which CMake names by SPARSETRAIN_SCANNED, the symbol to export, SPARSETRAIN_BYTES_OF_COPIES,
// and what runtime/stages/row.h says.
#include "runtime/stages/zero_skip/scan.h"

namespace {

constexpr auto kRow = row_in_use<sparsetrain::schedules::ZeroSkipWeightsRow>();

constexpr bool kScansSrc = sparsetrain::schedules::same_name(SPARSETRAIN_SCANNED, "src");

using Scan = ZeroSkipScan<kScansSrc, SPARSETRAIN_FILTER_H, SPARSETRAIN_FILTER_W, SPARSETRAIN_STRIDE,
                          kRow.tap_rows, kRow.k_vectors, kRow.rows>;

}  // namespace

extern "C" int SPARSETRAIN_SCAN_SYMBOL(halide_buffer_t* scanned, halide_buffer_t* vectors,
                                       halide_buffer_t* scratch, int scanned_h, int scanned_w, int vectors_h,
                                       int vectors_w, int batch, int vector_blocks, int images_per_part,
                                       int pad_top, int pad_left, halide_buffer_t* sums) {
    return Scan::run(scanned, vectors, scratch, scanned_h, scanned_w, vectors_h, vectors_w, batch,
                     vector_blocks, images_per_part, pad_top, pad_left, sums);
}
