// The result: a schedule header in the format of schedules/, for the microarchitecture `tuned`.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tune/subject.h"

namespace sparsetrain::tune {

// What becomes of a row.
struct TunedRow {
    std::optional<TileSizes> sizes;
    std::optional<schedules::Crossover> crossover;
    std::optional<double> narrow_crossover;  // of bwd_weights
    std::string remark;                      // what was measured
};
using TunedRows = std::map<std::string, TunedRow>;  // by the subject's name

// All rows of `base`, some of them tuned. `comment`: lines on top, each behind "// ".
std::string schedule_header(const schedules::Tables& base, const TunedRows& tuned,
                            const std::string& comment);

}  // namespace sparsetrain::tune
