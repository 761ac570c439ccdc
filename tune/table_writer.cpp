#include "tune/table_writer.h"

#include <array>
#include <cstdio>

namespace sparsetrain::tune {
namespace {

using namespace schedules;
using Cells = std::vector<std::string>;

std::string text_of(double number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%g", number);
    return text.data();
}
std::string text_of(const char* word) {
    return std::string("\"") + word + "\"";
}
std::string text_of(int number) {
    return number == kAnyChannels ? "kAnyChannels" : std::to_string(number);
}
std::string text_of(const Crossover& crossover) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "{%g, %g}", crossover.deep, crossover.shallow);
    return text.data();
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
Cells cells_of(const ZeroSkipRow& r) {
    return cells(r.layer_class, r.pass, r.blocking, r.most_channels, r.group, r.k_vectors, r.rows, r.pixels,
                 r.crossover);
}
Cells cells_of(const OutputMaskRow& r) {
    return cells(r.layer_class, r.pass, r.group, r.tap_rows, r.vectors, r.rows, r.pixels, r.crossover);
}
Cells cells_of(const ZeroSkipWeightsRow& r) {
    return cells(r.layer_class, r.pass, r.tap_rows, r.k_vectors, r.rows, r.crossover, r.narrow_crossover);
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
const Cells& columns_of(const ZeroSkipRow*) {
    static const Cells names = {"class",     "pass", "blocking", "most_channels", "group",
                                "k_vectors", "rows", "pixels",   "crossover"};
    return names;
}
const Cells& columns_of(const OutputMaskRow*) {
    static const Cells names = {"class",   "pass", "group",  "tap_rows",
                                "vectors", "rows", "pixels", "crossover"};
    return names;
}
const Cells& columns_of(const ZeroSkipWeightsRow*) {
    static const Cells names = {"class", "pass",      "tap_rows",        "k_vectors",
                                "rows",  "crossover", "narrow_crossover"};
    return names;
}

template <typename Row>
std::string subject_name(const Row& row) {
    std::string name = std::string(row.layer_class) + "/" + row.pass + "/" + Tiles<Row>::kernel;
    if constexpr (std::is_same_v<Row, ZeroSkipRow>) name += std::string("/") + row.blocking;
    return name;
}

template <typename Row>
Row apply(Row row, const TunedRow& tuned) {
    if (tuned.sizes) row = with_sizes(row, *tuned.sizes);
    if constexpr (requires { row.crossover; }) {
        if (tuned.crossover) row.crossover = *tuned.crossover;
    }
    if constexpr (requires { row.narrow_crossover; }) {
        if (tuned.narrow_crossover) row.narrow_crossover = *tuned.narrow_crossover;
    }
    return row;
}

std::string padded(const std::string& text, std::size_t width) {
    return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

template <typename Row>
std::string table(const Table<Row>& rows, const TunedRows& tuned) {
    std::vector<Cells> lines;
    Cells remarks;
    std::vector<std::size_t> widths;
    const Cells& columns = columns_of(static_cast<const Row*>(nullptr));
    for (const std::string& name : columns) widths.push_back(name.size());
    for (const Row& row : rows) {
        const auto found = tuned.find(subject_name(row));
        lines.push_back(cells_of(found == tuned.end() ? row : apply(row, found->second)));
        remarks.push_back(found == tuned.end() ? "" : found->second.remark);
        for (std::size_t i = 0; i < widths.size(); ++i)
            widths[i] = std::max(widths[i], lines.back()[i].size() + 1);  // and a comma
    }
    std::string text =
        std::string("inline constexpr ") + Tiles<Row>::type + " " + Tiles<Row>::constant + "[] = {\n    // ";
    for (std::size_t i = 0; i < widths.size(); ++i) {
        const bool last = i + 1 == widths.size();
        const std::size_t width = i == 0 ? widths[i] - 2 : widths[i];  // the slashes take more than a brace
        text += last ? columns[i] : padded(columns[i], width) + " ";
    }
    text += '\n';
    for (std::size_t line = 0; line < lines.size(); ++line) {
        text += "    {";
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const bool last = i + 1 == widths.size();
            text += last ? lines[line][i] + "}," : padded(lines[line][i] + ",", widths[i]) + " ";
        }
        if (!remarks[line].empty()) (text += "  // ") += remarks[line];
        text += '\n';
    }
    return text + "};\n";
}

std::string traits(const Tables& base) {
    const auto line = [](const char* name, const std::string& value) {
        return std::string("    .") + name + " = " + value + ",\n";
    };
    std::string text = "inline constexpr Tables kTables = {\n" + line("name", "\"tuned\"") +
                       line("isa", text_of(base.isa)) + line("registers", text_of(base.registers)) +
                       line("registers_per_vector", text_of(base.registers_per_vector)) +
                       line("l1_bytes", text_of(base.l1_bytes)) +
                       line("slab_bytes", text_of(base.slab_bytes)) +
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

}  // namespace

std::string schedule_header(const Tables& base, const TunedRows& tuned, const std::string& comment) {
    std::string tables;
    for_each_table([&](auto rows) {
        if (!tables.empty()) tables += '\n';
        tables += table(base.*rows, tuned);
    });
    return commented(comment) +
           "#pragma once\n\n#include \"schedules/rows.h\"\n\nnamespace sparsetrain::schedules::tuned {\n\n"
           "// clang-format off\n" +
           tables + "// clang-format on\n\n" + traits(base) +
           "\n}  // namespace sparsetrain::schedules::tuned\n";
}

}  // namespace sparsetrain::tune
