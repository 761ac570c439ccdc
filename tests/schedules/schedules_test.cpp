// The schedule tables of every microarchitecture, without running a kernel: every class of the build has its
// rows, and rows keep to the budgets of such a core.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>

#include "layer_class.h"
#include "schedules/derived.h"
#include "schedules/tables.h"
#include "sparsetrain/library.h"

namespace sparsetrain::schedules {

// How GoogleTest shows a parameter.
void PrintTo(const Tables* tables, std::ostream* out) {
    *out << tables->name;
}

namespace {

class Schedules : public ::testing::TestWithParam<const Tables*> {
  protected:
    const Tables& tables() const { return *GetParam(); }

    // Calls check(row, class) for each row of `table` whose class is linked, and for those that classes of
    // users get.
    template <typename Row, typename Check>
    void for_each_class(Table<Row> Tables::*table, Check check) const {
        if ((tables().*table).count == 0) return;  // a kind of kernel that it has not
        for (const Row& row : tables().*table) {
            for (const LayerClassInfo& layer : layer_classes()) {
                if (!same_name(row.layer_class, layer.name)) continue;
                SCOPED_TRACE(std::string(row.layer_class) + " " + row.pass);
                check(row, layer);
            }
        }
        for (const int h : {1, 3, 5})
            for (const int w : {1, 3, 5})
                for (const int stride : {1, 2})
                    for (const char* pass : {"fwd", "bwd_data"})
                        check_derived(table, {h, w, stride}, pass, check);
    }

    template <typename Row, typename Check>
    void check_derived(Table<Row> Tables::*table, ClassSize size, const char* pass, Check check) const {
        const auto text = [](int number) { return std::to_string(number); };
        const std::string name =
            "user" + text(size.filter_h) + "x" + text(size.filter_w) + "_stride" + text(size.stride);
        SCOPED_TRACE(name + " " + pass);
        Row row = derived(table, name, pass);
        row.pass = pass;
        check(row, LayerClassInfo{name.c_str(), size.filter_h, size.filter_w, size.stride, true, true});
    }

    template <typename Row>
    Row derived(Table<Row> Tables::*table, const std::string& name, const char* pass) const {
        if constexpr (std::is_same_v<Row, ScatterRow>)
            return row_of(tables(), table, name.c_str(), pass, "wide");
        else
            return row_of(tables(), table, name.c_str(), pass);
    }

    // Whether so many vectors and single registers fit the machine's.
    ::testing::AssertionResult fit_registers(int vectors, int singles) const {
        const int needed = vectors * tables().registers_per_vector + singles;
        if (needed <= tables().registers) return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure()
               << needed << " registers, of which there are " << tables().registers;
    }
};

const char* blocking_of(const ScatterRow& row) {
    return row.blocking;
}
template <typename Row>
const char* blocking_of(const Row&) {
    return "";
}

template <typename Row>
void expect_unique(const Table<Row>& table) {
    std::set<std::tuple<std::string, std::string, std::string>> seen;
    for (const Row& row : table) {
        EXPECT_TRUE(seen.emplace(row.layer_class, row.pass, blocking_of(row)).second)
            << row.layer_class << " " << row.pass << " " << blocking_of(row);
    }
}

template <typename Row>
int count_rows(const Table<Row>& table, const char* layer_class, const char* pass) {
    int count = 0;
    for (const Row& row : table)
        count += same_name(row.layer_class, layer_class) && same_name(row.pass, pass);
    return count;
}

int ceiling(int length, int size) {
    return (length + size - 1) / size;
}

TEST_P(Schedules, EveryLinkedClassHasARowPerPassAndKernelThatItHas) {
    ASSERT_FALSE(layer_classes().empty());
    for (const LayerClassInfo& layer : layer_classes()) {
        SCOPED_TRACE(layer.name);
        EXPECT_EQ(count_rows(tables().dense, layer.name, "fwd"), 1);
        EXPECT_EQ(count_rows(tables().dense, layer.name, "bwd_data"), layer.backward_data);
        EXPECT_EQ(count_rows(tables().dense_weights, layer.name, "bwd_weights"), 1);
        const bool skips_zeros = layer.backward_data && !same_name(tables().isa, "baseline");
        for (const char* pass : {"fwd", "bwd_data"})
            EXPECT_EQ(count_rows(tables().scatter, layer.name, pass) > 0, skips_zeros) << pass;
        EXPECT_EQ(count_rows(tables().output_mask, layer.name, "bwd_data"), skips_zeros);
        EXPECT_EQ(count_rows(tables().pixel_scan, layer.name, "bwd_weights"), skips_zeros);
    }
}

// What is linked was made from this table, with the last blocking for any number of channels.
TEST_P(Schedules, EveryLinkedClassIsCompiledForTheMicroarchitecture) {
    std::set<std::string> compiled;
    for (const detail::LayerClass* layer : detail::all_linked_layer_classes()) {
        if (!same_name(layer->uarch, tables().name)) continue;
        SCOPED_TRACE(layer->info.name);
        compiled.insert(layer->info.name);
        for (const Pass pass : {Pass::fwd, Pass::bwd_data}) {
            const auto& blockings = layer->kernels(pass).zero_skip;
            ASSERT_EQ(blockings.empty(), !layer->info.skips_zeros);
            if (blockings.empty()) continue;
            EXPECT_EQ(blockings.back().row.most_channels, kAnyChannels);
            for (const detail::ScatterKernel& kernel : blockings)
                EXPECT_NE(tables().scatter.find(layer->info.name, to_string(pass), kernel.row.blocking),
                          nullptr);
        }
    }
    std::set<std::string> linked;
    for (const LayerClassInfo& layer : layer_classes()) linked.insert(layer.name);
    EXPECT_EQ(compiled, linked);
}

TEST_P(Schedules, RowsAreUnique) {
    expect_unique(tables().dense);
    expect_unique(tables().dense_weights);
    expect_unique(tables().scatter);
    expect_unique(tables().output_mask);
    expect_unique(tables().pixel_scan);
}

TEST_P(Schedules, UnknownClassesAndPassesHaveNoRow) {
    EXPECT_NE(tables().dense.find("conv3x3_stride1", "fwd"), nullptr);
    EXPECT_EQ(tables().dense.find("conv3x3", "fwd"), nullptr);
    EXPECT_EQ(tables().dense.find("conv3x3_stride1", "bwd_weights"), nullptr);
    EXPECT_EQ(tables().scatter.find("conv3x3_stride1", "fw", "deep"), nullptr);
    EXPECT_EQ(tables().scatter.find("conv3x3_stride1", "fwd", "deeper"), nullptr);
    EXPECT_EQ(tables().scatter.find("", "", ""), nullptr);
}

TEST_P(Schedules, DenseTilesFitTheRegisters) {
    for_each_class(&Tables::dense, [this](const DenseRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.pixels, 1);
        EXPECT_GE(row.chunk, 0);
        // Padding is at most in the first and the last tile.
        EXPECT_GE(row.x_tile * layer.stride, layer.filter_w / 2);
        // Accumulators, the fewer of a tile's broadcast pixels and its vectors of weights, and one of the
        // others in turn.
        const int vectors = row.k_vectors * tables().registers_per_vector;
        EXPECT_LE(row.x_tile * vectors + std::min(row.x_tile, vectors) + 1, tables().registers);
    });
    for_each_class(&Tables::dense_weights, [this](const DenseWeightsRow& row, const LayerClassInfo&) {
        EXPECT_GE(row.pixels, 1);
        EXPECT_EQ(16 % row.c_lanes, 0);
        // Accumulators of a filter row, diff_dst of a pixel, and a broadcast src.
        EXPECT_TRUE(fit_registers(row.c_lanes * row.tap_columns * row.k_vectors + row.k_vectors, 1));
    });
}

TEST_P(Schedules, ScatterRowsFitRegistersAndL1) {
    for_each_class(&Tables::scatter, [this](const ScatterRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.pixels, 1);
        EXPECT_GE(row.rows, 1);
        // Whole blocks, and no more channels than the stages' mask words have bits.
        EXPECT_TRUE(row.group == 16 || row.group == 32 || row.group == 64) << row.group;
        // The outputs that a nonzero reaches, each through a filter column of its own, and itself, broadcast.
        // At a stride those of fwd are that much further apart, those of bwd_data are neighbours.
        const bool is_forward = same_name(row.pass, "fwd");
        const int outputs = is_forward ? ceiling(layer.filter_w, layer.stride) : layer.filter_w;
        EXPECT_TRUE(fit_registers(outputs * row.k_vectors, 1));
        // The weights of a group, a filter row and the columns of a sweep leave a quarter of L1 to the rest.
        EXPECT_LE(row.group * outputs * row.k_vectors * kVectorBytes, tables().l1_bytes * 3 / 4);
    });
}

TEST_P(Schedules, OutputMasksFitRegistersAndL1) {
    for_each_class(&Tables::output_mask, [this](const OutputMaskRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.rows, 1);
        EXPECT_GE(row.pixels, 1);
        EXPECT_TRUE(row.group == 16 || row.group == 32 || row.group == 64) << row.group;
        // A neighbourhood of diff_dst and the two chains of a sum.
        EXPECT_TRUE(fit_registers(row.vectors + 2, 0));
        // The weights of a group leave an eighth of L1 to everything else.
        EXPECT_LE(row.group * row.vectors * kVectorBytes, tables().l1_bytes * 7 / 8);
        // `tap_rows` rows of the phase with the most taps make at least one vector of output channels.
        const int rows = taps_of_phase(layer.filter_h, layer.stride, 0),
                  columns = taps_of_phase(layer.filter_w, layer.stride, 0);
        EXPECT_EQ(rows, ceiling(layer.filter_h, layer.stride));
        EXPECT_LE(row.tap_rows, rows);
        EXPECT_GE(cut_phase(row.tap_rows, row.vectors, rows, columns).k_vectors, 1);
    });
}

TEST_P(Schedules, PixelScansFitTheRegisters) {
    for_each_class(&Tables::pixel_scan, [this](const PixelScanRow& row, const LayerClassInfo& layer) {
        EXPECT_EQ(row.rows % 4, 0);  // which a mask word holds
        EXPECT_GE(row.rows, 4);
        EXPECT_GE(row.tap_rows, 1);
        EXPECT_LE(row.tap_rows, layer.filter_h);
        // A nonzero of diff_dst, broadcast, meets as many columns as the filter has; one of src no more.
        EXPECT_TRUE(fit_registers(row.tap_rows * layer.filter_w * row.k_vectors, 1));
    });
}

// Of any number of channels; fewer of them never have the lower one.
void expect_percentages(const Crossover& crossover) {
    EXPECT_GT(crossover.deep, 0);
    EXPECT_GE(crossover.shallow, 0);
    double previous = 100;
    for (const int channels : {1, 16, 64, 512, kAnyChannels}) {
        EXPECT_LT(crossover.at(channels), 100) << channels;
        EXPECT_LE(crossover.at(channels), previous) << channels;
        previous = crossover.at(channels);
    }
}

TEST_P(Schedules, CrossoversArePercentages) {
    for (const ScatterRow& row : tables().scatter) expect_percentages(row.crossover);
    for (const OutputMaskRow& row : tables().output_mask) expect_percentages(row.crossover);
    for (const PixelScanRow& row : tables().pixel_scan) {
        expect_percentages(row.crossover);
        EXPECT_GE(row.narrow_crossover, 0);
        EXPECT_LE(row.narrow_crossover, row.crossover.at(kAnyChannels));
    }
}

INSTANTIATE_TEST_SUITE_P(Microarchitectures, Schedules, ::testing::ValuesIn(kAllTables),
                         [](const auto& tested) { return std::string(tested.param->name); });

TEST(TablesOf, AreFoundByName) {
    for (const Tables* tables : kAllTables) EXPECT_EQ(tables_of(tables->name), tables);
    EXPECT_EQ(tables_of("avx"), nullptr);
    EXPECT_EQ(tables_of(""), nullptr);
    // The one that runs here.
    EXPECT_NE(tables_of(microarchitecture()), nullptr);
}

}  // namespace
}  // namespace sparsetrain::schedules
