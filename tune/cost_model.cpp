#include "tune/cost_model.h"

#include <algorithm>
#include <cmath>

namespace sparsetrain::tune {
namespace {

using schedules::ClassSize;
using schedules::Tables;

// The convolution that costs which depend on one are counted for.
constexpr double kChannels = 128, kWidth = 28;

double whole(double length, double size) {
    return std::ceil(length / size);
}

// Of chunks of so many vectors, the part that usual numbers of output channels use.
double used_of_chunks(double vectors) {
    double used = 0;
    for (const double blocks : {4, 8, 16, 32}) used += blocks / (whole(blocks, vectors) * vectors) / 4;
    return used;
}

// Loads and stores of accumulators: two slots each.
double accumulator_cycles(double registers, const Machine& machine) {
    return 2 * registers / machine.loads;
}

// fwd and bwd_data, zero_skip. A visit is one of a pixel's mask words, of one filter row, for one chunk of
// output channels.
Cost cost(const schedules::ZeroSkipRow& row, const Subject& subject, const Tables& tables,
          const Machine& machine) {
    const ClassSize& size = subject.size;
    const double outputs = schedules::outputs_in_reach(size, sparsetrain::to_string(subject.pass));
    const double vector = tables.registers().per_vector, sums = outputs * row.k_vectors * vector;
    const double finished = subject.pass == Pass::bwd_data ? size.stride : 1;
    const double tile = std::max<double>(row.rows * kWidth, row.pixels);
    // Sums of a large tile come from beyond L2; its weights come to L1 once for all of its pixels.
    const double far = tile * row.k_vectors * schedules::kVectorBytes > machine.half_of_l2 ? 2 : 1;
    const double weights = row.group * outputs * row.k_vectors * schedules::kVectorBytes;
    // Lists take 5 cycles per 16 channels, are shared by filter rows and chunks, and made again for the rows
    // that neighbouring tiles share.
    const double chunks = whole(kChannels / 16, row.k_vectors);
    const double lists = 5.0 * row.group / 16 * (row.rows + size.filter_h - 1) / row.rows /
                         (schedules::pieces(size.filter_h, size.stride) * chunks);
    const double visit = machine.mispredict +
                         far * accumulator_cycles(finished * row.k_vectors * vector, machine) +
                         weights / machine.l2_bytes / tile + lists;
    return {
        {}, sums, sums + 1, 0, visit, static_cast<double>(row.group), sums * used_of_chunks(row.k_vectors)};
}

// A turn is a set bit, a visit a pixel's mask word, for some filter rows and chunk.
Cost cost(const schedules::OutputMaskRow& row, const Subject& subject, const Tables& tables,
          const Machine& machine) {
    const int columns = schedules::pieces(subject.size.filter_w, subject.size.stride);
    const double vector = tables.registers().per_vector, taps = row.vectors * vector;
    // The load and store of its sum, and its share of the final reduction.
    constexpr double kSum = 3;
    constexpr double kStripSums = 4096;
    const double strip = kStripSums / row.group;  // pixels
    const double visit = machine.mispredict + taps / columns / machine.loads +
                         row.group * row.vectors * schedules::kVectorBytes / machine.l2_bytes / strip;
    return {{}, taps, taps + kSum, 0, visit, static_cast<double>(row.group), taps};
}

// bwd_weights, zero_skip. A visit is a scanned channel of a tile.
Cost cost(const schedules::ZeroSkipWeightsRow& row, const Subject& subject, const Tables& tables,
          const Machine& machine) {
    const ClassSize& size = subject.size;
    const int taps_h = schedules::pieces(size.filter_h, size.stride),
              taps_w = schedules::pieces(size.filter_w, size.stride);
    const double copied = schedules::copied_pixels(row.rows, taps_h, taps_w, 1);
    // As many vectors of a chunk at a time as L1 holds a tile of.
    const double in_l1 = std::floor(tables.l1_bytes / (copied * schedules::kVectorBytes));
    const double vectors = std::clamp<double>(in_l1, 1, row.k_vectors);
    const double rows = std::min(row.tap_rows, taps_h);
    const double sums = rows * taps_w * vectors * tables.registers().per_vector;
    const bool pointwise = size.filter_h == 1 && size.filter_w == 1;
    const double columns = pointwise ? 16 : 16 - taps_w + 1;
    const double height = row.rows / (whole(kWidth, row.rows) * row.rows / kWidth);  // that images fill
    // The copy of a tile serves all scanned channels.
    const double visit = machine.mispredict + accumulator_cycles(sums, machine) +
                         accumulator_cycles(copied * vectors, machine) / kChannels;
    return {{}, sums, sums + 1, 0, visit, columns * height, sums * used_of_chunks(vectors)};
}

// Of an image's width, the part that tiles of so many pixels do not compute in vain.
double used_of_tiles(double x_tile, std::initializer_list<double> widths) {
    double used = 0;
    for (const double width : widths)
        used += width / (whole(width, x_tile) * x_tile) / static_cast<double>(widths.size());
    return used;
}

// Of the source, what a tap of a tile loads: its pixels, unless columns share them.
template <typename Row>
double source_loads(const Row& row, const Subject& subject, const Tables& tables) {
    const auto columns = schedules::source_columns(subject.size, sparsetrain::to_string(subject.pass));
    return columns.are_shared(row, tables.registers())
               ? columns.pixels(row) / static_cast<double>(columns.taps)
               : row.x_tile;
}

// fwd and bwd_data, dense. A visit is a register tile, for all input channels or a chunk of them.
Cost cost(const schedules::DenseRow& row, const Subject& subject, const Tables& tables,
          const Machine& machine) {
    const ClassSize& size = subject.size;
    const double weights = row.k_vectors * tables.registers().per_vector, sums = row.x_tile * weights;
    const double taps = size.filter_h * size.filter_w;
    const double channels = row.chunk == 0 ? kChannels : row.chunk * 16;
    const bool in_l1 = channels * taps * row.k_vectors * schedules::kVectorBytes < tables.l1_bytes * 0.75;
    const double used = used_of_tiles(row.x_tile, {7, 14, 28, 56});
    const double steps =
        channels * taps /
        (size.stride * size.stride > 1 && subject.pass == Pass::bwd_data ? size.stride * size.stride : 1);
    const double visit = machine.mispredict + accumulator_cycles(sums, machine) +
                         channels * taps * row.k_vectors * schedules::kVectorBytes / machine.l2_bytes *
                             row.x_tile / row.pixels;
    return {{},
            sums,
            source_loads(row, subject, tables) + weights,
            in_l1 ? 0.0 : row.k_vectors * schedules::kVectorBytes,
            visit,
            steps,
            sums * used * used_of_chunks(row.k_vectors)};
}

// The images that planar costs are counted for: of colours, into 64 channels.
constexpr double kColours = 3, kBlocksOfFirst = 4, kWidthOfFirst = 112;

// fwd, planar dense. A visit is a register tile, with its share of the copy that all its vectors read, of
// which neighbouring blocks have rows in common.
Cost cost(const schedules::DensePlanarRow& row, const Subject& subject, const Tables& tables,
          const Machine& machine) {
    const ClassSize& size = subject.size;
    const double weights = row.k_vectors * tables.registers().per_vector, sums = row.x_tile * weights;
    const double rows = std::max(1.0, std::floor(row.pixels / kWidthOfFirst)),
                 copied_rows = (rows - 1) * size.stride + size.filter_h;
    const double chunks = whole(kBlocksOfFirst, row.k_vectors);
    const double copy = row.x_tile * size.stride * kColours * copied_rows / rows / chunks;
    return {{},
            sums,
            source_loads(row, subject, tables) + weights,
            0,
            machine.mispredict + accumulator_cycles(sums, machine) + copy,
            kColours * size.filter_h * size.filter_w,
            sums * used_of_tiles(row.x_tile, {14, 28, 112, 224}) * kBlocksOfFirst / (chunks * row.k_vectors)};
}

// bwd_weights, planar dense: as below, of rows that are one per channel and filter row.
Cost cost(const schedules::DensePlanarWeightsRow& row, const Subject& subject, const Tables& tables,
          const Machine& machine) {
    const double taps = row.tap_rows * row.tap_columns,
                 vectors = row.k_vectors * tables.registers().per_vector;
    const double all_rows = subject.size.filter_h * kColours;
    const double rows = whole(all_rows, row.tap_rows) * row.tap_rows,
                 columns = whole(subject.size.filter_w, row.tap_columns) * row.tap_columns,
                 blocks = whole(kBlocksOfFirst, row.k_vectors) * row.k_vectors;
    const double used = all_rows / rows * subject.size.filter_w / columns * kBlocksOfFirst / blocks;
    return {{},
            taps * vectors,
            taps + vectors,
            0,
            machine.mispredict + 2 * accumulator_cycles(taps * vectors, machine),
            static_cast<double>(row.pixels),
            taps * vectors * used};
}

// bwd_weights, dense. A turn is a pixel, a visit a block of them.
Cost cost(const schedules::DenseWeightsRow& row, const Subject& subject, const Tables& tables,
          const Machine& machine) {
    const double lanes = row.c_lanes * row.tap_columns,
                 vectors = row.k_vectors * tables.registers().per_vector;
    const double columns = whole(subject.size.filter_w, row.tap_columns) * row.tap_columns;
    const double visit = machine.mispredict + 2 * accumulator_cycles(lanes * vectors, machine);
    const double chunks = whole(kChannels / 16, row.k_vectors);
    const double waste = subject.size.filter_w / columns * kChannels / 16 / (chunks * row.k_vectors);
    return {{},
            lanes * vectors,
            lanes + vectors,
            0,
            visit,
            static_cast<double>(row.pixels),
            lanes * vectors * waste};
}

}  // namespace

Machine machine_of(const Tables& tables) {
    // Cores that broadcast from memory begin two zmm FMAs and loads per cycle; all begin two of shorter ones.
    const double per_cycle = tables.broadcast_from_memory || tables.registers().per_vector > 1 ? 2 : 1;
    return {.fmas = per_cycle, .loads = per_cycle};
}

double Cost::turn_cycles(const Machine& machine) const {
    return std::max(
        {fmas / machine.fmas, loads / machine.loads, l2_bytes / machine.l2_bytes, machine.fma_latency});
}

double Cost::relative_time(const Machine& machine, int zeros_percent) const {
    const double left = 1 - zeros_percent / 100.0;
    const double cycles = left * turn_cycles(machine) + visit_cycles / turns_per_visit;
    return cycles / (useful / machine.fmas);
}

Cost cost_of(const Subject& subject, const Tables& tables, const TileSizes& sizes) {
    return with_table(subject, [&](auto table) {
        const auto row = with_sizes(row_of(subject, tables, table), sizes);
        Cost result = cost(row, subject, tables, machine_of(tables));
        result.budget = budget_of(row, tables, subject.size, sparsetrain::to_string(subject.pass));
        return result;
    });
}

double predicted_time(const Subject& subject, const Tables& tables, const TileSizes& sizes) {
    const Cost cost = cost_of(subject, tables, sizes);
    const Machine machine = machine_of(tables);
    if (subject.kernel == Kernel::dense) return cost.relative_time(machine, 0);
    double product = 1;
    for (const int percent : {50, 80, 90}) product *= cost.relative_time(machine, percent);
    return std::cbrt(product);
}

}  // namespace sparsetrain::tune
