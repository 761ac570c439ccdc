// What is wrong with rows: nothing with those of the tables and those derived, all else by name.
#include "schedules/faults.h"

#include <gtest/gtest.h>

#include "schedules/derived.h"
#include "schedules/tables.h"

namespace sparsetrain::schedules {
namespace {

template <typename Row>
void expect_no_faults(const Tables& tables, const Table<Row>& rows) {
    for (const Row& row : rows)
        EXPECT_EQ(fault_of(row, tables, size_of(row.layer_class), row.pass), "")
            << tables.name << " " << row.layer_class << " " << row.pass;
}

TEST(Faults, AreNotInTheTables) {
    for (const Tables* tables : kAllTables) {
        ASSERT_GT(tables->dense.count, 0);
        expect_no_faults(*tables, tables->dense);
        expect_no_faults(*tables, tables->dense_weights);
        expect_no_faults(*tables, tables->dense_planar);
        expect_no_faults(*tables, tables->dense_planar_weights);
        expect_no_faults(*tables, tables->zero_skip);
        expect_no_faults(*tables, tables->output_mask);
        expect_no_faults(*tables, tables->zero_skip_weights);
    }
}

template <typename Row>
Row derived_row(const Tables& tables, const ClassSize& size, const char* pass) {
    constexpr const Row* kKind = nullptr;
    if constexpr (std::is_same_v<Row, ZeroSkipRow>) {
        return derive(kKind, tables, size, pass, "wide");
    } else {
        return derive(kKind, tables, size, pass);
    }
}

template <typename Row>
void expect_none_derived(const Tables& tables, const ClassSize& size, const char* pass) {
    SCOPED_TRACE(std::string(tables.name) + " " + std::to_string(size.filter_h) + "x" +
                 std::to_string(size.filter_w) + " " + std::to_string(size.stride) + " " + pass);
    EXPECT_EQ(fault_of(derived_row<Row>(tables, size, pass), tables, size, pass), "");
}

TEST(Faults, AreNotInDerivedRows) {
    for (const Tables* tables : kAllTables) {
        for (const int h : {1, 3, 5}) {
            for (const int w : {1, 3, 5}) {
                for (const int stride : {1, 2}) {
                    const ClassSize size = {h, w, stride};
                    for (const char* pass : {"fwd", "bwd_data"}) {
                        expect_none_derived<DenseRow>(*tables, size, pass);
                        if (tables->zero_skip.count > 0)
                            expect_none_derived<ZeroSkipRow>(*tables, size, pass);
                    }
                    expect_none_derived<DenseWeightsRow>(*tables, size, "bwd_weights");
                    expect_none_derived<DensePlanarRow>(*tables, size, "fwd");
                    expect_none_derived<DensePlanarWeightsRow>(*tables, size, "bwd_weights");
                    if (tables->zero_skip.count == 0) continue;  // dense rows only
                    expect_none_derived<OutputMaskRow>(*tables, size, "bwd_data");
                    expect_none_derived<ZeroSkipWeightsRow>(*tables, size, "bwd_weights");
                }
            }
        }
    }
}

TEST(Faults, AreNamed) {
    const Tables& tables = *tables_of("avx512");
    constexpr ClassSize k3x3 = {3, 3, 1}, k3x3s2 = {3, 3, 2}, k1x1s2 = {1, 1, 2}, k5x5 = {5, 5, 1};
    const auto of = [&](const auto& row, const ClassSize& size, const char* pass) {
        return fault_of(row, tables, size, pass);
    };
    EXPECT_EQ(of(DenseRow{"", "", 7, 2, 0, 0}, k3x3, "fwd"), "pixels is 0, expected 1 to 65536");
    EXPECT_EQ(of(DenseRow{"", "", 7, 2, 784, -1}, k3x3, "fwd"), "chunk is -1, expected 0 to 65536");
    EXPECT_EQ(of(DenseRow{"", "", 1, 2, 784, 0}, k5x5, "fwd"), "x_tile is 1, expected at least 2");
    EXPECT_EQ(of(DenseRow{"", "", 14, 2, 784, 0}, k3x3, "fwd"), "");
    EXPECT_EQ(of(DenseRow{"", "", 16, 2, 784, 0}, k3x3, "fwd"), "it takes 35 registers, expected up to 32");
    EXPECT_EQ(of(DenseRow{"", "", 7, 2, 784, 4}, k3x3s2, "bwd_data"), "chunk is 4, expected 0");
    EXPECT_EQ(of(DenseRow{"", "", 7, 2, 784, 0}, k1x1s2, "bwd_data"), "chunk is 0, expected at least 1");
    EXPECT_EQ(of(DenseWeightsRow{"", "", 3, 3, 1, 784}, k3x3, "bwd_weights"),
              "c_lanes is 3, expected 1, 2, 4, 8 or 16");
    EXPECT_EQ(of(DenseWeightsRow{"", "", 2, 4, 1, 784}, k3x3, "bwd_weights"),
              "tap_columns is 4, expected up to 3");
    EXPECT_EQ(of(DensePlanarRow{"", "", 1, 2, 784}, k5x5, "fwd"), "");  // padding is copied
    EXPECT_EQ(of(DensePlanarRow{"", "", 16, 2, 784}, k3x3, "fwd"),
              "it takes 35 registers, expected up to 32");
    EXPECT_EQ(of(DensePlanarWeightsRow{"", "", 5, 3, 2, 784}, k3x3, "bwd_weights"),
              "it takes 33 registers, expected up to 32");
    EXPECT_EQ(of(DensePlanarWeightsRow{"", "", 1, 4, 1, 784}, k3x3, "bwd_weights"),
              "tap_columns is 4, expected up to 3");
    EXPECT_EQ(of(ZeroSkipRow{"", "", "", 0, 32, 4, 14, 400}, k3x3, "fwd"),
              "most_channels is 0, expected at least 1");
    EXPECT_EQ(of(OutputMaskRow{"", "", 16, 3, 8, 28, 784}, k3x3, "bwd_data"),
              "vectors is 8, expected a multiple of 9");
    EXPECT_EQ(of(OutputMaskRow{"", "", 16, 3, 12, 28, 784}, k3x3s2, "bwd_data"),
              "tap_rows is 3, expected up to 2");
    EXPECT_EQ(of(OutputMaskRow{"", "", 24, 3, 9, 28, 784}, k3x3, "bwd_data"),
              "group is 24, expected 16, 32 or 64");
    EXPECT_EQ(of(ZeroSkipWeightsRow{"", "", 4, 2, 8}, k3x3, "bwd_weights"),
              "tap_rows is 4, expected up to 3");
    EXPECT_EQ(of(ZeroSkipWeightsRow{"", "", 3, 2, 6}, k3x3, "bwd_weights"),
              "rows is 6, expected a multiple of 4");
    EXPECT_EQ(of(ZeroSkipWeightsRow{"", "", 3, 2, 65536}, k3x3, "bwd_weights"),
              "it takes 67111040 bytes of L1, expected up to 49152");
}

}  // namespace
}  // namespace sparsetrain::schedules
