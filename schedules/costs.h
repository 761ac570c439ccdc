// The costs of every microarchitecture's kernels.
#pragma once

#include "schedules/costs/avx2.h"
#include "schedules/costs/avx512.h"
#include "schedules/costs/sapphire_rapids.h"
#include "schedules/costs/zen4.h"
#ifdef SPARSETRAIN_TUNED
#include "schedules/costs/tuned.h"
#endif

namespace sparsetrain::schedules {

struct Costs {
    const char* uarch;
    Table<CostRow> rows;
};

inline constexpr Costs kAllCosts[] = {
#ifdef SPARSETRAIN_TUNED
    {"tuned", tuned::kCosts},
#endif
    {"zen4", zen4::kCosts},        {"sapphire_rapids", sapphire_rapids::kCosts},
    {"skylake_x", avx512::kCosts},  // no such core was at hand
    {"avx512", avx512::kCosts},    {"avx2", avx2::kCosts},
};

// Of classes that have none in the tables, as those that users add: nobody has timed them. They are guesses
// that stay on the side of dense.
inline constexpr CostRow kUntimedCosts[] = {
    {"", "fwd", "zero_skip", "", {0.15, 0.17, 1.13}},
    {"", "bwd_data", "zero_skip", "", {0.15, 0.17, 1.13}},
    {"", "bwd_data", "output_mask", "", {0.2, 0.343, 1.14}},
    {"", "bwd_weights", "zero_skip", "", {0.2, 0.185, 1.23}},
};
inline constexpr Cost kUntimedCost = {0.2, 0.35, 1.25};  // of a kernel that has no row there either

constexpr Cost cost_of(const char* uarch, const char* layer_class, const char* pass, const char* kernel,
                       const char* of) {
    if (same_name(kernel, "dense")) return kDenseCost;
    for (const Costs& costs : kAllCosts) {
        if (!same_name(costs.uarch, uarch)) continue;
        for (const CostRow& row : costs.rows)
            if (is_row_of(row, layer_class, pass, kernel, of)) return row.cost;
    }
    for (const CostRow& row : kUntimedCosts)
        if (same_name(row.pass, pass) && same_name(row.kernel, kernel)) return row.cost;
    return kUntimedCost;
}

}  // namespace sparsetrain::schedules
