#include "tune/table_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

#include "schedules/costs.h"

namespace sparsetrain::tune {
namespace {

using namespace schedules;
using Cells = std::vector<std::string>;

std::string text_of(const char* word) {
    return std::string("\"") + word + "\"";
}
std::string text_of(int number) {
    return number == kAnyChannels ? "kAnyChannels" : std::to_string(number);
}
template <typename... Columns>
Cells cells(const Columns&... columns) {
    return {text_of(columns)...};
}
Cells cells_of(const DenseRow& r) {
    return cells(r.layer_class, r.pass, r.x_tile, r.k_vectors, r.pixels, r.chunk);
}
Cells cells_of(const DenseWeightsRow& r) {
    return cells(r.layer_class, r.pass, r.c_lanes, r.tap_columns, r.k_vectors, r.pixels);
}
Cells cells_of(const DensePlanarRow& r) {
    return cells(r.layer_class, r.pass, r.x_tile, r.k_vectors, r.pixels);
}
Cells cells_of(const DensePlanarWeightsRow& r) {
    return cells(r.layer_class, r.pass, r.tap_rows, r.tap_columns, r.k_vectors, r.pixels);
}
Cells cells_of(const ZeroSkipRow& r) {
    return cells(r.layer_class, r.pass, r.blocking, r.most_channels, r.group, r.k_vectors, r.rows, r.pixels);
}
Cells cells_of(const OutputMaskRow& r) {
    return cells(r.layer_class, r.pass, r.group, r.tap_rows, r.vectors, r.rows, r.pixels);
}
Cells cells_of(const ZeroSkipWeightsRow& r) {
    return cells(r.layer_class, r.pass, r.tap_rows, r.k_vectors, r.rows);
}

// The columns of a table.
const Cells& columns_of(const DenseRow*) {
    static const Cells names = {"class", "pass", "x_tile", "k_vectors", "pixels", "chunk"};
    return names;
}
const Cells& columns_of(const DenseWeightsRow*) {
    static const Cells names = {"class", "pass", "c_lanes", "tap_columns", "k_vectors", "pixels"};
    return names;
}
const Cells& columns_of(const DensePlanarRow*) {
    static const Cells names = {"class", "pass", "x_tile", "k_vectors", "pixels"};
    return names;
}
const Cells& columns_of(const DensePlanarWeightsRow*) {
    static const Cells names = {"class", "pass", "tap_rows", "tap_columns", "k_vectors", "pixels"};
    return names;
}
const Cells& columns_of(const ZeroSkipRow*) {
    static const Cells names = {"class", "pass",      "blocking", "most_channels",
                                "group", "k_vectors", "rows",     "pixels"};
    return names;
}
const Cells& columns_of(const OutputMaskRow*) {
    static const Cells names = {"class", "pass", "group", "tap_rows", "vectors", "rows", "pixels"};
    return names;
}
const Cells& columns_of(const ZeroSkipWeightsRow*) {
    static const Cells names = {"class", "pass", "tap_rows", "k_vectors", "rows"};
    return names;
}

const char* blocking_of(const ZeroSkipRow& row) {
    return row.blocking;
}
template <typename Row>
const char* blocking_of(const Row&) {
    return Tiles<Row>::blocking;
}

template <typename Row>
std::string subject_name(const Row& row) {
    std::string name = std::string(row.layer_class) + "/" + row.pass + "/" + Tiles<Row>::kernel;
    const std::string blocking = blocking_of(row);
    return blocking.empty() ? name : name + "/" + blocking;
}

std::string padded(const std::string& text, std::size_t width) {
    return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

// The rows of a table as they are written.
struct Lines {
    Cells columns;
    std::vector<Cells> rows;
    Cells remarks;

    void add(Cells row, std::string remark) {
        rows.push_back(std::move(row));
        remarks.push_back(std::move(remark));
    }
    // Of a column, with a comma.
    std::size_t width(std::size_t column) const {
        std::size_t width = columns[column].size();
        for (const Cells& row : rows) width = std::max(width, row[column].size() + 1);
        return width;
    }
};

std::string to_text(const Lines& lines, const std::string& type, const std::string& constant) {
    if (lines.rows.empty())  // which no array can be
        return "inline constexpr Table<" + type + "> " + constant + ";\n";
    std::string text = "inline constexpr " + type + " " + constant + "[] = {\n    // ";
    const std::size_t last = lines.columns.size() - 1;
    for (std::size_t i = 0; i < last; ++i) {
        const std::size_t slashes = i == 0 ? 2 : 0;  // they take more than a brace
        text += padded(lines.columns[i], lines.width(i) - slashes) + " ";
    }
    text += lines.columns[last] + "\n";
    for (std::size_t row = 0; row < lines.rows.size(); ++row) {
        text += "    {";
        for (std::size_t i = 0; i < last; ++i) text += padded(lines.rows[row][i] + ",", lines.width(i)) + " ";
        text += lines.rows[row][last] + "},";
        if (!lines.remarks[row].empty()) (text += "  // ") += lines.remarks[row];
        text += '\n';
    }
    return text + "};\n";
}

template <typename Row>
std::string table(const Table<Row>& rows, const TunedRows& tuned) {
    Lines lines = {columns_of(static_cast<const Row*>(nullptr)), {}, {}};
    for (const Row& row : rows) {
        const auto found = tuned.find(subject_name(row));
        if (found == tuned.end() || !found->second.sizes) {
            lines.add(cells_of(row), "");
        } else {
            lines.add(cells_of(with_sizes(row, *found->second.sizes)), found->second.remark);
        }
    }
    return to_text(lines, Tiles<Row>::type, Tiles<Row>::constant);
}

// Class, pass, kernel, and what of.
using CostKey = std::array<std::string, 4>;
using MeasuredCosts = std::map<CostKey, Cost>;

// Of a subject's name, whose blocking may be missing.
CostKey cost_key(const std::string& subject) {
    CostKey key;
    std::istringstream words(subject);
    for (std::string& word : key) std::getline(words, word, '/');
    return key;
}

MeasuredCosts measured_costs(const TunedRows& tuned) {
    MeasuredCosts costs;
    for (const auto& [name, row] : tuned) {
        CostKey key = cost_key(name);
        if (row.cost) costs[key] = *row.cost;
        key.back() = kNarrowImages;
        if (row.narrow_cost) costs[key] = *row.narrow_cost;
    }
    return costs;
}

// To three digits, and not below a thousandth of dense's time, which is beyond what can be measured.
std::string text_of_term(double term) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3g", term < 0.001 ? 0 : term);
    return text.data();
}

Cells cells_of(const CostKey& key, const Cost& cost) {
    Cells cells;
    for (const std::string& word : key) cells.push_back(text_of(word.c_str()));
    cells.push_back("{" + text_of_term(cost.fixed));
    cells.push_back(text_of_term(cost.few));
    cells.push_back(text_of_term(cost.work) + "}");
    return cells;
}

// All of `base`, and those that it does not have.
std::string cost_table(const Tables& base, MeasuredCosts measured) {
    const char* const remark = "cost measured";
    Lines lines = {{"class", "pass", "kernel", "of", " fixed", "few", "work"}, {}, {}};
    for (const Costs& costs : kAllCosts) {
        if (!same_name(costs.uarch, base.name)) continue;
        for (const CostRow& row : costs.rows) {
            const CostKey key = {row.layer_class, row.pass, row.kernel, row.of};
            const auto found = measured.extract(key);
            lines.add(cells_of(key, found ? found.mapped() : row.cost), found ? remark : "");
        }
    }
    for (const auto& [key, cost] : measured) lines.add(cells_of(key, cost), remark);
    return to_text(lines, "CostRow", "kCosts");
}

std::string traits(const Tables& base) {
    const auto line = [](const char* name, const std::string& value) {
        return std::string("    .") + name + " = " + value + ",\n";
    };
    std::string text = "inline constexpr Tables kTables = {\n" + line("name", "\"tuned\"") +
                       line("isa", text_of(base.isa)) + line("l1_bytes", text_of(base.l1_bytes)) +
                       line("slab_bytes", text_of(base.slab_bytes)) +
                       line("l2_bytes", text_of(base.l2_bytes)) +
                       line("broadcast_from_memory", base.broadcast_from_memory ? "true" : "false");
    for_each_table(
        [&]<typename Row>(Table<Row> Tables::*) { text += line(Tiles<Row>::member, Tiles<Row>::constant); });
    return text + "};\n";
}

std::string commented(const std::string& lines) {
    std::string text;
    bool begins = true;
    for (const char c : lines) {
        if (begins) text += "// ";
        text += c;
        begins = c == '\n';
    }
    return text;
}

// What the tables of a header stand in.
std::string in_namespace(const std::string& header, const std::string& tables, const std::string& rest) {
    return "#include \"" + header +
           "\"\n\nnamespace sparsetrain::schedules::tuned {\n\n// clang-format off\n" + tables +
           "// clang-format on\n" + rest + "\n}  // namespace sparsetrain::schedules::tuned\n";
}

}  // namespace

std::string schedule_header(const Tables& base, const TunedRows& tuned, const std::string& comment) {
    std::string tables;
    for_each_table([&](auto rows) {
        if (!tables.empty()) tables += '\n';
        tables += table(base.*rows, tuned);
    });
    return commented(comment) + "#pragma once\n\n" +
           in_namespace("schedules/rows.h", tables, "\n" + traits(base)) + "\n" + kCostsBegin + "\n" +
           in_namespace("schedules/costs/cost_rows.h", cost_table(base, measured_costs(tuned)), "");
}

}  // namespace sparsetrain::tune
