// The stage of one zero_skip bwd_weights of one layer class: compiled once per schedule row, which CMake
// names through SPARSETRAIN_LAYER_CLASS and the symbol to export.
#include "runtime/stages/pixel_scan.h"
#include "schedules/tables.h"

namespace {

// A missing row does not compile.
constexpr auto kRow = *sparsetrain::schedules::tables_of(SPARSETRAIN_ISA)->pixel_scan.find(SPARSETRAIN_LAYER_CLASS, "bwd_weights");

using Scan = PixelScan<SPARSETRAIN_FILTER_H, SPARSETRAIN_FILTER_W, kRow.k_vectors, kRow.rows>;

}  // namespace

extern "C" int SPARSETRAIN_SCAN_SYMBOL(halide_buffer_t* scanned, halide_buffer_t* vectors, int scanned_h,
                                       int scanned_w, int vectors_h, int vectors_w, int batch,
                                       int vector_blocks, int images_per_part, int pad_top, int pad_left,
                                       int exchange, halide_buffer_t* sums) {
    return Scan::run(scanned, vectors, scanned_h, scanned_w, vectors_h, vectors_w, batch, vector_blocks,
                     images_per_part, pad_top, pad_left, exchange, sums);
}
