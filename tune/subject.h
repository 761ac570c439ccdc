// What is tuned: the schedule row of a class, pass and kernel, and its tile sizes as numbers in a row.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schedules/budgets.h"
#include "schedules/derived.h"
#include "schedules/tables.h"
#include "schedules/tiles.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::tune {

struct Subject {
    std::string layer_class;
    schedules::ClassSize size;
    Pass pass;
    Kernel kernel;
    std::string blocking;  // of zero_skip in fwd and bwd_data, and of planar dense; else empty

    std::string name() const;  // "conv3x3_stride1/fwd/zero_skip/wide"
    // A kernel of the same class and pass: "conv3x3_stride1/fwd/dense".
    std::string kernel_name(Kernel other) const;
    // Whether it is of that kernel, in the class and pass of `other`.
    bool is_of(const Subject& other, Kernel its_kernel) const {
        return layer_class == other.layer_class && pass == other.pass && kernel == its_kernel;
    }
    bool has_blockings() const { return !blocking.empty(); }
};

// One per schedule row of every class that is linked, in the order of classes, passes and kernels; dense
// last.
std::vector<Subject> all_subjects();

// Calls visit(&Tables::zero_skip), or with whichever table has the subject's row.
template <typename Visit>
auto with_table(const Subject& subject, Visit visit) {
    std::optional<decltype(visit(&schedules::Tables::dense))> result;
    schedules::for_each_table([&]<typename Row>(schedules::Table<Row> schedules::Tables::*table) {
        if (schedules::is_for<Row>(to_string(subject.kernel), to_string(subject.pass),
                                   subject.blocking.c_str()))
            result.emplace(visit(table));
    });
    return std::move(result).value();
}

// Today's row.
template <typename Row>
Row row_of(const Subject& subject, const schedules::Tables& tables,
           schedules::Table<Row> schedules::Tables::*table) {
    const char *layer_class = subject.layer_class.c_str(), *pass = to_string(subject.pass);
    if constexpr (std::is_same_v<Row, schedules::ZeroSkipRow>)
        return schedules::row_of(tables, table, layer_class, pass, subject.blocking.c_str());
    else
        return schedules::row_of(tables, table, layer_class, pass);
}

// The numbers of schedules/tiles.h, in their order.
using TileSizes = std::vector<int>;

template <typename Row>
Row with_sizes(Row row, const TileSizes& sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i) row.*schedules::Tiles<Row>::all[i].size = sizes[i];
    return row;
}

std::vector<std::string> tile_names(const Subject& subject);
TileSizes sizes_of_today(const Subject& subject, const schedules::Tables& tables);

// Why the subject's row cannot have these sizes, or nothing: how many they are, and what
// schedules/faults.h knows.
std::string fault_of(const Subject& subject, const schedules::Tables& tables, const TileSizes& sizes);

// "32,4,14,400"
std::string to_string(const TileSizes& sizes);

// The name of a candidate, which is a symbol, too: "conv3x3_stride1_fwd_zero_skip_wide_32_4_14_400".
std::string candidate_name(const Subject& subject, const TileSizes& sizes);

}  // namespace sparsetrain::tune
