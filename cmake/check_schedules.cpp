// Checks the tables of -DSPARSETRAIN_SCHEDULES, as schedules/tuned.h, before anything is compiled from them.
// Prints a line for each fault, indented, which CMake does not wrap, and fails if there is one.
#include <cstdio>
#include <set>
#include <string>

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

void check_crossover(const Crossover& crossover, const std::string& where) {
    expect(crossover.deep > 0 && crossover.shallow >= 0 && crossover.at(1) < 100, where,
           "a crossover of percentages between 0 and 100, for any number of channels");
}

template <typename Row>
void check_crossovers(const Row& row, const std::string& where) {
    if constexpr (requires { row.crossover; }) check_crossover(row.crossover, where);
    if constexpr (requires { row.narrow_crossover; })
        expect(row.narrow_crossover >= 0 && row.narrow_crossover < 100, where,
               "a narrow_crossover from 0 to below 100");
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
        check_crossovers(row, where);
    }
}

// An instruction set is that of another table, with its registers.
void check_core(const Tables& tables) {
    for (const Tables* other : kAllTables) {
        if (other == &tables || !same_name(other->isa, tables.isa)) continue;
        expect(tables.registers == other->registers, "kTables",
               std::to_string(other->registers) + " registers");
        expect(tables.registers_per_vector == other->registers_per_vector, "kTables",
               std::to_string(other->registers_per_vector) + " registers_per_vector");
        expect(tables.l1_bytes > 0 && tables.slab_bytes > 0 && tables.slab_bytes <= tables.l1_bytes,
               "kTables", "l1_bytes, and slab_bytes within them");
        return;
    }
    report("kTables", "expected an isa of other tables");
}

}  // namespace

int main() {
    const Tables& tables = tuned::kTables;
    expect(same_name(tables.name, "tuned"), "kTables", "the name tuned");
    check_core(tables);
    for_each_table([&tables](auto table) { check_rows(tables, tables.*table); });
    return faults == 0 ? 0 : 1;
}
