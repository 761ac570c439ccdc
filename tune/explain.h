// What `sparsetrain tune --explain` prints.
#pragma once

#include "tune/findings.h"

namespace sparsetrain::tune {

// Of today's row and of those that were tried: what they take, what the cost model predicts, and what was
// measured.
std::string explain(const Subject& subject, const schedules::Tables& tables, const Findings& findings);

}  // namespace sparsetrain::tune
