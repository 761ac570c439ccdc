// Prints what compiled code depends on of schedules/, for cmake/SparseTrainRows.cmake: of every
// microarchitecture its core, and of every class that there may be its rows' tile sizes, as a name and a
// value per line.
#include <cstdio>
#include <string>

#include "schedules/derived.h"
#include "schedules/tables.h"
#include "schedules/tiles.h"

using namespace sparsetrain::schedules;

namespace {

template <typename Row>
void print(const Tables& tables, const std::string& layer_class, const char* pass, const char* blocking,
           const Row& row) {
    std::string sizes;
    for (const TileOf<Row>& tile : Tiles<Row>::all)
        sizes += (sizes.empty() ? "" : ",") + std::to_string(row.*tile.size);
    std::printf("%s_%s_%s_%s%s %s\n", tables.name, layer_class.c_str(), Tiles<Row>::member, pass, blocking,
                sizes.c_str());
}

void print_rows(const Tables& tables, Table<ZeroSkipRow> Tables::*table, const std::string& layer_class,
                const char* pass) {
    for (const char* blocking : {"wide", "narrow"})
        print(tables, layer_class, pass, (std::string("_") + blocking).c_str(),
              row_of(tables, table, layer_class.c_str(), pass, blocking));
}
void print_rows(const Tables& tables, Table<ZeroSkipWeightsRow> Tables::*table,
                const std::string& layer_class, const char* pass) {
    const ZeroSkipWeightsRow row = row_of(tables, table, layer_class.c_str(), pass);
    print(tables, layer_class, pass, "", row);
    std::printf("%s_%s_bytes_of_copies %d\n", tables.name, layer_class.c_str(),
                bytes_of_copies(row, tables, size_of(layer_class.c_str())));
}
template <typename Row>
void print_rows(const Tables& tables, Table<Row> Tables::*table, const std::string& layer_class,
                const char* pass) {
    print(tables, layer_class, pass, "", row_of(tables, table, layer_class.c_str(), pass));
}

// Without stages a core has no rows of other kernels than dense, nor has a filter of 7.
void print_class(const Tables& tables, int h, int w, int stride) {
    const std::string name =
        "conv" + std::to_string(h) + "x" + std::to_string(w) + "_stride" + std::to_string(stride);
    const bool has_stages = !same_name(tables.isa, "baseline") && h != 7 && w != 7;
    for_each_table([&]<typename Row>(Table<Row> Tables::*table) {
        if (!has_stages && !same_name(Tiles<Row>::kernel, "dense")) return;
        for (const char* pass : Tiles<Row>::passes) print_rows(tables, table, name, pass);
    });
}

}  // namespace

int main() {
    for (const Tables* tables : kAllTables) {
        const auto print_core = [tables](const char* name, int value) {
            std::printf("%s_%s %d\n", tables->name, name, value);
        };
        print_core("broadcast_from_memory", tables->broadcast_from_memory ? 1 : 0);
        print_core("l1_bytes", tables->l1_bytes);
        print_core("l2_bytes", tables->l2_bytes);
        for (const int h : {1, 3, 5, 7})
            for (const int w : {1, 3, 5, 7})
                for (const int stride : {1, 2}) print_class(*tables, h, w, stride);
    }
}
