// The result: tables in the format of schedules/ and costs in that of schedules/costs/, for the
// microarchitecture `tuned`, in one file for users (cmake/SparseTrainTuned.cmake takes it apart).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "schedules/costs/cost_rows.h"
#include "tune/subject.h"

namespace sparsetrain::tune {

// What becomes of a row.
struct TunedRow {
    std::optional<TileSizes> sizes;
    std::string remark;  // what was measured of the sizes
    std::optional<schedules::Cost> cost;
    std::optional<schedules::Cost> narrow_cost;  // of bwd_weights, for narrow images
};
using TunedRows = std::map<std::string, TunedRow>;  // by the subject's name

// The line that parts them.
inline constexpr const char* kCostsBegin = "// What kernels cost:";

// All rows of `base`, some of them tuned, and all costs, some of them measured. `comment`: lines on top, each
// behind "// ".
std::string schedule_header(const schedules::Tables& base, const TunedRows& tuned,
                            const std::string& comment);

}  // namespace sparsetrain::tune
