// What is wrong with a row that somebody wrote or changed, before a build trips over it: for `sparsetrain
// tune`, for the check of -DSPARSETRAIN_SCHEDULES and for tests. Not for stages: it includes standard
// headers.
#pragma once

#include <cstdio>
#include <string>

#include "schedules/budgets.h"
#include "schedules/costs/cost_rows.h"
#include "schedules/tiles.h"

namespace sparsetrain::schedules {

// "pixels is 0, expected 1 to 65536"
inline std::string expected_size(const char* name, int size, const std::string& expected) {
    return std::string(name) + " is " + std::to_string(size) + ", expected " + expected;
}

// The sizes of an innermost loop are far below 64, which no core has as many registers for; those of blocks
// in memory are counted in pixels, rows or blocks of channels. Within these limits budgets do not overflow.
template <typename Row>
std::string size_fault(const Row& row) {
    for (const TileOf<Row>& tile : Tiles<Row>::all) {
        const bool is_chunk = same_name(tile.name, "chunk");
        const bool is_of_memory = is_chunk || same_name(tile.name, "rows") || same_name(tile.name, "pixels");
        const int least = is_chunk ? 0 : 1, most = is_of_memory ? 65536 : 64, size = row.*tile.size;
        if (size < least || size > most)
            return expected_size(tile.name, size, std::to_string(least) + " to " + std::to_string(most));
    }
    return "";
}

// Whole blocks, and no more channels than a mask word has bits.
inline std::string group_fault(int group) {
    if (group == 16 || group == 32 || group == 64) return "";
    return expected_size("group", group, "16, 32 or 64");
}

// What a kind of row needs beside its budget. Padding is at most in the first and the last tile; at a stride,
// bwd_data of 1x1 has to sum in chunks, and that of others cannot.
inline std::string kind_fault(const DenseRow& row, const ClassSize& size, const char* pass) {
    const int least = pieces(size.filter_w / 2, size.stride);
    if (row.x_tile < least) return expected_size("x_tile", row.x_tile, "at least " + std::to_string(least));
    if (size.stride == 1 || !same_name(pass, "bwd_data")) return "";
    const bool is_pointwise = size.filter_h == 1 && size.filter_w == 1;
    if (is_pointwise && row.chunk == 0) return expected_size("chunk", row.chunk, "at least 1");
    if (!is_pointwise && row.chunk != 0) return expected_size("chunk", row.chunk, "0");
    return "";
}
inline std::string kind_fault(const DenseWeightsRow& row, const ClassSize& size, const char*) {
    if (16 % row.c_lanes != 0) return expected_size("c_lanes", row.c_lanes, "1, 2, 4, 8 or 16");
    if (row.tap_columns > size.filter_w)
        return expected_size("tap_columns", row.tap_columns, "up to " + std::to_string(size.filter_w));
    return "";
}
inline std::string kind_fault(const DensePlanarRow&, const ClassSize&, const char*) {
    return "";
}
inline std::string kind_fault(const DensePlanarWeightsRow& row, const ClassSize& size, const char*) {
    if (row.tap_columns > size.filter_w)
        return expected_size("tap_columns", row.tap_columns, "up to " + std::to_string(size.filter_w));
    return "";
}
inline std::string kind_fault(const ZeroSkipRow& row, const ClassSize&, const char*) {
    if (row.most_channels < 1) return expected_size("most_channels", row.most_channels, "at least 1");
    return group_fault(row.group);
}
inline std::string kind_fault(const OutputMaskRow& row, const ClassSize& size, const char*) {
    const int rows = pieces(size.filter_h, size.stride), columns = pieces(size.filter_w, size.stride);
    if (row.tap_rows > rows) return expected_size("tap_rows", row.tap_rows, "up to " + std::to_string(rows));
    const int taps = row.tap_rows * columns;
    if (row.vectors % taps != 0)
        return expected_size("vectors", row.vectors, "a multiple of " + std::to_string(taps));
    return group_fault(row.group);
}
inline std::string kind_fault(const ZeroSkipWeightsRow& row, const ClassSize& size, const char*) {
    if (row.tap_rows > size.filter_h)
        return expected_size("tap_rows", row.tap_rows, "up to " + std::to_string(size.filter_h));
    if (row.rows % 4 != 0) return expected_size("rows", row.rows, "a multiple of 4");
    return "";
}

inline std::string budget_fault(const Budget& budget, const Tables& tables) {
    if (fits(budget, tables)) return "";
    const auto text = [](int number) { return std::to_string(number); };
    if (budget.registers > tables.registers().count)
        return "it takes " + text(budget.registers) + " registers, expected up to " +
               text(tables.registers().count);
    return "it takes " + text(budget.l1_bytes) + " bytes of L1, expected up to " + text(budget.l1_limit);
}

// What is wrong with a row of a class of this size, or nothing.
template <typename Row>
std::string fault_of(const Row& row, const Tables& tables, const ClassSize& size, const char* pass) {
    if (std::string fault = size_fault(row); !fault.empty()) return fault;
    if (std::string fault = kind_fault(row, size, pass); !fault.empty()) return fault;
    return budget_fault(budget_of(row, tables, size, pass), tables);
}

// A kernel that takes ten times as long as dense is never chosen, whatever else it costs.
inline constexpr double kMostCost = 10;

// "work is 0, expected above 0, up to 10". Comparisons with what is not finite do not hold.
inline std::string term_fault(const char* name, double term, bool may_be_zero) {
    if ((may_be_zero ? term >= 0 : term > 0) && term <= kMostCost) return "";
    char text[96];
    std::snprintf(text, sizeof text, "%s is %g, expected %s, up to %g", name, term,
                  may_be_zero ? "at least 0" : "above 0", kMostCost);
    return text;
}

// What is wrong with a cost, or nothing.
inline std::string fault_of(const Cost& cost) {
    if (std::string fault = term_fault("fixed", cost.fixed, true); !fault.empty()) return fault;
    if (std::string fault = term_fault("few", cost.few, true); !fault.empty()) return fault;
    return term_fault("work", cost.work, false);
}

}  // namespace sparsetrain::schedules
