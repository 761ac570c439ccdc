// The schedule tables, without running a kernel: every class of the build has its rows, and rows keep to the
// budgets of an AVX-512 core.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <tuple>

#include "schedules/avx512.h"
#include "sparsetrain/library.h"

namespace sparsetrain::schedules {
namespace {

// Calls check(row, class) for each row of `table` whose class is linked.
template <typename Row, int Count, typename Check>
void for_each_linked(const Row (&table)[Count], Check check) {
    for (const Row& row : table) {
        for (const LayerClassInfo& layer : layer_classes()) {
            if (!same_name(row.layer_class, layer.name)) continue;
            SCOPED_TRACE(std::string(row.layer_class) + " " + row.pass);
            check(row, layer);
        }
    }
}

const char* blocking_of(const ScatterRow& row) {
    return row.blocking;
}
template <typename Row>
const char* blocking_of(const Row&) {
    return "";
}

template <typename Row, int Count>
void expect_unique(const Row (&table)[Count]) {
    std::set<std::tuple<std::string, std::string, std::string>> seen;
    for (const Row& row : table) {
        EXPECT_TRUE(seen.emplace(row.layer_class, row.pass, blocking_of(row)).second)
            << row.layer_class << " " << row.pass << " " << blocking_of(row);
    }
}

TEST(Schedules, EveryLinkedClassHasARowPerPassAndKernel) {
    ASSERT_FALSE(layer_classes().empty());
    for (const LayerClassInfo& layer : layer_classes()) {
        for (const char* pass : {"fwd", "bwd_data"}) {
            EXPECT_NE(find_row(kDense, layer.name, pass), nullptr) << layer.name << " " << pass;
            for (const char* blocking : {"shallow", "deep"})
                EXPECT_NE(find_row(kScatter, layer.name, pass, blocking), nullptr)
                    << layer.name << " " << pass;
        }
        EXPECT_NE(find_row(kOutputMask, layer.name, "bwd_data"), nullptr) << layer.name;
        EXPECT_NE(find_row(kDenseWeights, layer.name, "bwd_weights"), nullptr) << layer.name;
        EXPECT_NE(find_row(kPixelScan, layer.name, "bwd_weights"), nullptr) << layer.name;
    }
}

TEST(Schedules, RowsAreUnique) {
    expect_unique(kDense);
    expect_unique(kDenseWeights);
    expect_unique(kScatter);
    expect_unique(kOutputMask);
    expect_unique(kPixelScan);
}

TEST(Schedules, UnknownClassesAndPassesHaveNoRow) {
    EXPECT_EQ(find_row(kDense, "conv3x3", "fwd"), nullptr);
    EXPECT_EQ(find_row(kDense, "conv3x3_stride1", "bwd_weights"), nullptr);
    EXPECT_EQ(find_row(kScatter, "conv3x3_stride1", "fw", "deep"), nullptr);
    EXPECT_EQ(find_row(kScatter, "conv3x3_stride1", "fwd", "deeper"), nullptr);
    EXPECT_EQ(find_row(kScatter, "", "", ""), nullptr);
}

TEST(Schedules, DenseTilesFitTheRegisters) {
    for_each_linked(kDense, [](const DenseRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.pixels, 1);
        // Padding is at most in the first and the last tile.
        EXPECT_GE(row.x_tile, layer.filter_w);
        // Accumulators and the weights of a tap; a pixel that is not broadcast to a register is an operand in
        // memory.
        EXPECT_LE(row.x_tile * row.k_vectors + row.k_vectors, kZmmRegisters);
    });
    for_each_linked(kDenseWeights, [](const DenseWeightsRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.rows, 1);
        EXPECT_EQ(16 % row.c_lanes, 0);
        // Accumulators of a filter row, diff_dst of a pixel, and a broadcast src.
        EXPECT_LE(row.c_lanes * layer.filter_w * row.k_vectors + row.k_vectors + 1, kZmmRegisters);
    });
}

TEST(Schedules, ScatterRowsFitRegistersAndL1) {
    for_each_linked(kScatter, [](const ScatterRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.pixels, 1);
        EXPECT_GE(row.rows, 1);
        // Whole blocks, and no more channels than the stages' mask words have bits.
        EXPECT_TRUE(row.group == 16 || row.group == 32 || row.group == 64) << row.group;
        // Accumulators that rotate over x, and a broadcast nonzero.
        EXPECT_LE(layer.filter_w * row.k_vectors + 1, kZmmRegisters);
        // The weights of a group and filter row leave a quarter of L1 to everything else.
        EXPECT_LE(row.group * layer.filter_w * row.k_vectors * kVectorBytes, kL1Bytes * 3 / 4);
    });
}

TEST(Schedules, OutputMasksFitRegistersAndL1) {
    for_each_linked(kOutputMask, [](const OutputMaskRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.rows, 1);
        EXPECT_GE(row.pixels, 1);
        const int neighbourhood = layer.filter_h * layer.filter_w * row.k_vectors;
        // A neighbourhood of diff_dst and the two chains of a sum.
        EXPECT_LE(neighbourhood + 2, kZmmRegisters);
        // The weights of 16 channels leave an eighth of L1 to everything else.
        EXPECT_LE(16 * neighbourhood * kVectorBytes, kL1Bytes * 7 / 8);
    });
}

TEST(Schedules, PixelScansFitTheRegisters) {
    for_each_linked(kPixelScan, [](const PixelScanRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.rows, 1);
        EXPECT_LE(layer.filter_h * layer.filter_w * row.k_vectors + 1, kZmmRegisters);
    });
}

TEST(Schedules, CrossoversArePercentages) {
    const auto between = [](double crossover) { return crossover > 0 && crossover < 100; };
    for (const ScatterRow& row : kScatter) EXPECT_TRUE(between(row.crossover)) << row.crossover;
    for (const OutputMaskRow& row : kOutputMask) EXPECT_TRUE(between(row.crossover)) << row.crossover;
    for (const PixelScanRow& row : kPixelScan) {
        EXPECT_TRUE(between(row.crossover)) << row.crossover;
        EXPECT_GE(row.narrow_crossover, 0);
        EXPECT_LE(row.narrow_crossover, row.crossover);
    }
}

}  // namespace
}  // namespace sparsetrain::schedules
