// Checks the tables of -DSPARSETRAIN_SCHEDULES, as schedules/tuned.h, and its costs, as
// schedules/costs/tuned.h, before anything is compiled from them.
// Prints a line for each fault, indented, which CMake does not wrap, and fails if there is one.
#include <cstdio>
#include <set>
#include <string>

#include "schedules/costs.h"
#include "schedules/faults.h"
#include "schedules/tables.h"
#include "schedules/tiles.h"

using namespace sparsetrain::schedules;

namespace {

int faults = 0;

void report(const std::string& where, const std::string& fault) {
    std::printf("  %s: %s\n", where.c_str(), fault.c_str());
    ++faults;
}

void expect(bool holds, const std::string& where, const std::string& expected) {
    if (!holds) report(where, "expected " + expected);
}

std::string text_of(const char* text) {
    return text == nullptr ? "" : text;
}

std::string key_of(const ZeroSkipRow& row) {
    return text_of(row.layer_class) + " " + text_of(row.pass) + " " + text_of(row.blocking);
}
std::string key_of(const CostRow& row) {
    std::string key = text_of(row.layer_class) + " " + text_of(row.pass) + " " + text_of(row.kernel);
    if (!text_of(row.of).empty()) key += " of " + text_of(row.of);
    return key;
}
template <typename Row>
std::string key_of(const Row& row) {
    return text_of(row.layer_class) + " " + text_of(row.pass);
}

// The classes that sparsetrain_add_layer_class takes.
bool find_size(const std::string& layer_class, ClassSize& size) {
    const auto text = [](int number) { return std::to_string(number); };
    for (const int h : {1, 3, 5, 7}) {
        for (const int w : {1, 3, 5, 7}) {
            for (const int stride : {1, 2}) {
                size = {h, w, stride};
                if (layer_class == "conv" + text(h) + "x" + text(w) + "_stride" + text(stride)) return true;
            }
        }
    }
    return false;
}

template <typename Row>
void check_rows(const Tables& tables, const Table<Row>& rows) {
    std::set<std::string> seen;
    for (const Row& row : rows) {
        const std::string key = key_of(row), where = std::string(Tiles<Row>::constant) + ", row " + key;
        ClassSize size{};
        if (!find_size(text_of(row.layer_class), size)) {
            report(where, "expected a layer class such as conv3x3_stride1");
        } else if (!is_for<Row>(Tiles<Row>::kernel, text_of(row.pass).c_str())) {
            report(where, "expected a pass that such rows are for");
        } else if (const std::string fault = fault_of(row, tables, size, row.pass); !fault.empty()) {
            report(where, fault);
        }
        expect(seen.insert(key).second, where, "one such row, given two");
    }
}

// Whether such rows have costs of that kernel and pass: dense is what costs are relative to.
template <typename Row>
bool have_cost(const CostRow& cost) {
    return !same_name(Tiles<Row>::kernel, "dense") &&
           is_for<Row>(text_of(cost.kernel).c_str(), text_of(cost.pass).c_str());
}

// Whether a pass has what its cost is `of`: a blocking or, where it has none, all images or narrow ones.
bool has_what_of(const CostRow& cost, const Table<ZeroSkipRow>& rows) {
    for (const ZeroSkipRow& row : rows)
        if (key_of(row) == text_of(cost.layer_class) + " " + text_of(cost.pass) + " " + cost.of) return true;
    return false;
}
bool has_what_of(const CostRow& cost, const Table<ZeroSkipWeightsRow>&) {
    return same_name(cost.of, "") || same_name(cost.of, kNarrowImages);
}
template <typename Row>
bool has_what_of(const CostRow& cost, const Table<Row>&) {
    return same_name(cost.of, "");
}

void check_cost_row(const CostRow& row, const Tables& tables, const std::string& where) {
    bool is_of_kernel = false, has_what = false;
    for_each_table([&]<typename Row>(Table<Row> Tables::*table) {
        if (!have_cost<Row>(row)) return;
        is_of_kernel = true;
        has_what = row.of != nullptr && has_what_of(row, tables.*table);
    });
    if (ClassSize size{}; !find_size(text_of(row.layer_class), size)) {
        report(where, "expected a layer class such as conv3x3_stride1");
    } else if (!is_of_kernel) {
        report(where, "expected a pass, and a kernel that skips zeros in it");
    } else if (!has_what) {
        report(where, "expected to be of a blocking of the tables or, in bwd_weights, of narrow images");
    } else if (const std::string fault = fault_of(row.cost); !fault.empty()) {
        report(where, fault);
    }
}

void check_costs(const Tables& tables, const Table<CostRow>& rows) {
    std::set<std::string> seen;
    for (const CostRow& row : rows) {
        const std::string key = key_of(row), where = "kCosts, row " + key;
        check_cost_row(row, tables, where);
        expect(seen.insert(key).second, where, "one such row, given two");
    }
}

// An instruction set is that of another table.
void check_core(const Tables& tables) {
    bool is_known = false;
    for (const Tables* other : kAllTables)
        is_known = is_known || (other != &tables && same_name(other->isa, tables.isa));
    expect(is_known, "kTables", "an isa of other tables");
    expect(tables.l1_bytes > 0 && tables.slab_bytes > 0 && tables.slab_bytes <= tables.l1_bytes, "kTables",
           "l1_bytes, and slab_bytes within them");
    expect(tables.l2_bytes >= tables.l1_bytes && tables.l2_bytes <= 1 << 30, "kTables",
           "l2_bytes of at least l1_bytes, up to 2^30");
}

}  // namespace

int main() {
    const Tables& tables = tuned::kTables;
    expect(same_name(tables.name, "tuned"), "kTables", "the name tuned");
    check_core(tables);
    for_each_table([&tables](auto table) { check_rows(tables, tables.*table); });
    check_costs(tables, tuned::kCosts);
    return faults == 0 ? 0 : 1;
}
