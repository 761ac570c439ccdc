// The schedule tables of every microarchitecture, without running a kernel: every class of the build has its
// rows, and rows keep to the budgets of such a core.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>

#include "kernels/zero_skip.h"
#include "layer_class.h"
#include "schedules/as_but.h"
#include "schedules/budgets.h"
#include "schedules/costs.h"
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
        if constexpr (std::is_same_v<Row, ZeroSkipRow>)
            return row_of(tables(), table, name.c_str(), pass, "wide");
        else
            return row_of(tables(), table, name.c_str(), pass);
    }

    template <typename Row>
    ::testing::AssertionResult keeps_its_budget(const Row& row, const LayerClassInfo& layer) const {
        const Budget budget =
            budget_of(row, tables(), {layer.filter_h, layer.filter_w, layer.stride}, row.pass);
        if (fits(budget, tables())) return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure()
               << budget.registers << " registers, of which there are " << tables().registers().count
               << ", and " << budget.l1_bytes << " bytes of L1, of which there may be " << budget.l1_limit;
    }
};

const char* blocking_of(const ZeroSkipRow& row) {
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
        const bool has_planar = layer.filter_h * layer.filter_w > 1;
        EXPECT_EQ(count_rows(tables().dense_planar, layer.name, "fwd"), has_planar);
        EXPECT_EQ(count_rows(tables().dense_planar_weights, layer.name, "bwd_weights"), has_planar);
        const bool skips_zeros = layer.backward_data && !same_name(tables().isa, "baseline");
        for (const char* pass : {"fwd", "bwd_data"})
            EXPECT_EQ(count_rows(tables().zero_skip, layer.name, pass) > 0, skips_zeros) << pass;
        EXPECT_EQ(count_rows(tables().output_mask, layer.name, "bwd_data"), skips_zeros);
        EXPECT_EQ(count_rows(tables().zero_skip_weights, layer.name, "bwd_weights"), skips_zeros);
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
            const detail::ZeroSkipKernel* last = nullptr;
            for (const detail::ConvKernel* kernel : layer->kernels) {
                const auto* of_pass = dynamic_cast<const detail::ZeroSkipKernel*>(kernel);
                if (of_pass == nullptr || of_pass->pass != pass) continue;
                last = of_pass;
                EXPECT_NE(tables().zero_skip.find(layer->info.name, to_string(pass), last->blocking),
                          nullptr);
            }
            ASSERT_EQ(last == nullptr, !layer->info.skips_zeros);
            if (last == nullptr) continue;
            EXPECT_EQ(last->row.most_channels, kAnyChannels);
        }
    }
    const auto names = microarchitectures();  // of SPARSETRAIN_UARCHS
    const bool is_compiled = std::any_of(names.begin(), names.end(),
                                         [&](const char* name) { return same_name(name, tables().name); });
    std::set<std::string> linked;
    for (const LayerClassInfo& layer : layer_classes())
        if (is_compiled) linked.insert(layer.name);
    EXPECT_EQ(compiled, linked);
}

TEST_P(Schedules, RowsAreUnique) {
    expect_unique(tables().dense);
    expect_unique(tables().dense_weights);
    expect_unique(tables().dense_planar);
    expect_unique(tables().dense_planar_weights);
    expect_unique(tables().zero_skip);
    expect_unique(tables().output_mask);
    expect_unique(tables().zero_skip_weights);
}

TEST_P(Schedules, UnknownClassesAndPassesHaveNoRow) {
    EXPECT_NE(tables().dense.find("conv3x3_stride1", "fwd"), nullptr);
    EXPECT_EQ(tables().dense.find("conv3x3", "fwd"), nullptr);
    EXPECT_EQ(tables().dense.find("conv3x3_stride1", "bwd_weights"), nullptr);
    for (const ZeroSkipRow& row : tables().zero_skip) {
        EXPECT_EQ(tables().zero_skip.find(row.layer_class, row.pass, row.blocking), &row);
        EXPECT_EQ(tables().zero_skip.find(row.layer_class, "fw", row.blocking), nullptr);
        EXPECT_EQ(tables().zero_skip.find(row.layer_class, row.pass, "wider"), nullptr);
        EXPECT_EQ(tables().zero_skip.find("conv3x3", row.pass, row.blocking), nullptr);
    }
}

TEST_P(Schedules, DenseTilesFitTheRegisters) {
    for_each_class(&Tables::dense, [this](const DenseRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.pixels, 1);
        EXPECT_GE(row.chunk, 0);
        // Padding is at most in the first and the last tile.
        EXPECT_GE(row.x_tile * layer.stride, layer.filter_w / 2);
        EXPECT_TRUE(keeps_its_budget(row, layer));
    });
    for_each_class(&Tables::dense_weights, [this](const DenseWeightsRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.pixels, 1);
        EXPECT_EQ(16 % row.c_lanes, 0);
        EXPECT_TRUE(keeps_its_budget(row, layer));
    });
}

TEST_P(Schedules, PlanarTilesFitTheRegisters) {
    for_each_class(&Tables::dense_planar, [this](const DensePlanarRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.pixels, 1);
        EXPECT_GE(row.x_tile, 1);
        EXPECT_TRUE(keeps_its_budget(row, layer));
    });
    for_each_class(&Tables::dense_planar_weights,
                   [this](const DensePlanarWeightsRow& row, const LayerClassInfo& layer) {
                       EXPECT_GE(row.pixels, 1);
                       EXPECT_GE(row.tap_rows, 1);
                       EXPECT_LE(row.tap_columns, layer.filter_w);
                       EXPECT_TRUE(keeps_its_budget(row, layer));
                   });
}

TEST_P(Schedules, ZeroSkipRowsFitRegistersAndL1) {
    for_each_class(&Tables::zero_skip, [this](const ZeroSkipRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.pixels, 1);
        EXPECT_GE(row.rows, 1);
        // Whole blocks, and no more channels than the stages' mask words have bits.
        EXPECT_TRUE(row.group == 16 || row.group == 32 || row.group == 64) << row.group;
        EXPECT_TRUE(keeps_its_budget(row, layer));
    });
}

TEST_P(Schedules, OutputMasksFitRegistersAndL1) {
    for_each_class(&Tables::output_mask, [this](const OutputMaskRow& row, const LayerClassInfo& layer) {
        EXPECT_GE(row.rows, 1);
        EXPECT_GE(row.pixels, 1);
        EXPECT_TRUE(row.group == 16 || row.group == 32 || row.group == 64) << row.group;
        EXPECT_TRUE(keeps_its_budget(row, layer));
        // `tap_rows` rows of the phase with the most taps make at least one vector of output channels.
        const int rows = taps_of_phase(layer.filter_h, layer.stride, 0),
                  columns = taps_of_phase(layer.filter_w, layer.stride, 0);
        EXPECT_EQ(rows, ceiling(layer.filter_h, layer.stride));
        EXPECT_LE(row.tap_rows, rows);
        EXPECT_GE(cut_phase(row.tap_rows, row.vectors, rows, columns).k_vectors, 1);
    });
}

TEST_P(Schedules, ZeroSkipWeightsRowsFitRegistersAndL1) {
    for_each_class(&Tables::zero_skip_weights,
                   [this](const ZeroSkipWeightsRow& row, const LayerClassInfo& layer) {
                       EXPECT_EQ(row.rows % 4, 0);  // which a mask word holds
                       EXPECT_GE(row.rows, 4);
                       EXPECT_GE(row.tap_rows, 1);
                       EXPECT_LE(row.tap_rows, layer.filter_h);
                       EXPECT_TRUE(keeps_its_budget(row, layer));
                   });
}

// The costs of a row: with all of what it skips, any kernel is faster than dense; with none of it, for few
// channels, not much slower, or its row would be of no use.
void expect_costs(const Tables& tables, const char* layer_class, const char* pass, const char* kernel,
                  const char* of) {
    SCOPED_TRACE(std::string(layer_class) + " " + pass + " " + kernel + " " + of);
    int rows = 0;
    for (const Costs& costs : kAllCosts)
        for (const CostRow& row : costs.rows)
            rows += same_name(costs.uarch, tables.name) && is_row_of(row, layer_class, pass, kernel, of);
    EXPECT_EQ(rows, 1);
    const Cost cost = cost_of(tables.name, layer_class, pass, kernel, of);
    EXPECT_GE(cost.fixed, 0);
    EXPECT_GE(cost.few, 0);
    EXPECT_GT(cost.work, 0);
    EXPECT_LT(cost.at(1, 100), 1);
    EXPECT_LT(cost.at(1, 0), 3);
    EXPECT_NEAR(cost.at(1, cost.crossover(1)), 1, 1e-9);
    EXPECT_LE(cost.crossover(512), cost.crossover(64));
}

TEST_P(Schedules, EveryRowHasItsCosts) {
    for (const ZeroSkipRow& row : tables().zero_skip)
        expect_costs(tables(), row.layer_class, row.pass, "zero_skip", row.blocking);
    for (const OutputMaskRow& row : tables().output_mask)
        expect_costs(tables(), row.layer_class, row.pass, "output_mask", "");
    for (const ZeroSkipWeightsRow& row : tables().zero_skip_weights)
        for (const char* images : {"", kNarrowImages})
            expect_costs(tables(), row.layer_class, row.pass, "zero_skip", images);
}

TEST(Costs, OfClassesThatNobodyTimedAreOfTheKernel) {
    EXPECT_EQ(cost_of("avx2", "conv5x5_stride2", "fwd", "dense", "").at(64, 0), 1);
    EXPECT_EQ(cost_of("avx2", "conv5x5_stride2", "fwd", "zero_skip", "").work, kUntimedCosts[0].cost.work);
    EXPECT_EQ(cost_of("avx2", "conv5x5_stride2", "fwd", "another", "").work, kUntimedCost.work);
    EXPECT_EQ(cost_of("avx2", "conv3x3_stride1", "fwd", "zero_skip", "wide").work,
              cost_of("avx2", "conv3x3_stride1", "fwd", "zero_skip", "narrow").work);
    EXPECT_NE(cost_of("avx512", "conv3x3_stride1", "fwd", "zero_skip", "wide").work,
              cost_of("avx512", "conv3x3_stride1", "fwd", "zero_skip", "narrow").work);
}

// By hand, of known rows.
TEST(BudgetOf, CountsRegistersAndBytes) {
    const Tables& zen4 = *tables_of("zen4");
    const auto expect = [](const Budget& budget, int registers, int l1_bytes) {
        EXPECT_EQ(budget.registers, registers);
        EXPECT_EQ(budget.l1_bytes, l1_bytes);
    };
    constexpr ClassSize k3x3 = {3, 3, 1}, k3x3s2 = {3, 3, 2}, k1x1 = {1, 1, 1};
    expect(budget_of(DenseRow{"", "", 7, 2, 784, 0}, zen4, k3x3, "fwd"), 17, 0);
    expect(budget_of(DenseWeightsRow{"", "", 4, 3, 2, 784}, zen4, k3x3, "bwd_weights"), 27, 0);
    const ZeroSkipRow zero_skip = {"", "", "", kAnyChannels, 32, 4, 14, 400};
    expect(budget_of(zero_skip, zen4, k3x3, "fwd"), 13, 32 * 3 * 4 * 64);
    expect(budget_of(zero_skip, zen4, k3x3s2, "fwd"), 9, 32 * 2 * 4 * 64);
    expect(budget_of(zero_skip, zen4, k3x3s2, "bwd_data"), 13, 32 * 3 * 4 * 64);
    expect(budget_of(zero_skip, *tables_of("avx2"), k3x3, "fwd"), 25, 32 * 3 * 4 * 64);
    expect(budget_of(OutputMaskRow{"", "", 16, 3, 18, 28, 784}, zen4, k3x3, "bwd_data"), 20, 16 * 18 * 64);
    // 8 rows of 16 pixels with a border of 2; at stride 2 every other pixel of twice as many.
    expect(budget_of(ZeroSkipWeightsRow{"", "", 3, 2, 8}, zen4, k3x3, "bwd_weights"), 19, (10 * 16 + 2) * 64);
    expect(budget_of(ZeroSkipWeightsRow{"", "", 2, 4, 4}, zen4, k3x3s2, "bwd_weights"), 25,
           (9 * 32 + 2) * 64);
    expect(budget_of(ZeroSkipWeightsRow{"", "", 1, 4, 4}, zen4, k1x1, "bwd_weights"), 5, 64 * 64);
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

// The others of the base stay, a row of another pass among them.
TEST(AsBut, ChangesTheRowsThatItNames) {
    static constexpr DenseRow kBase[] = {{"conv3x3_stride1", "fwd", 7, 2, 784, 0},
                                         {"conv3x3_stride1", "bwd_data", 7, 2, 784, 0}};
    static constexpr auto kChanged = as_but(kBase, {{"conv3x3_stride1", "bwd_data", 6, 4, 240, 8}});
    const Table<DenseRow> table = kChanged;
    ASSERT_EQ(table.count, 2);
    EXPECT_EQ(table.find("conv3x3_stride1", "fwd")->x_tile, 7);
    EXPECT_EQ(table.find("conv3x3_stride1", "bwd_data")->chunk, 8);
}

}  // namespace
}  // namespace sparsetrain::schedules
