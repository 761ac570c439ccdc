// The schedule tables of every instruction set that classes are compiled for, by its name.
#pragma once

#include "schedules/avx2.h"
#include "schedules/avx512.h"

namespace sparsetrain::schedules {

inline constexpr const Tables* kAllTables[] = {&avx512::kTables, &avx2::kTables};

// The tables of "avx512" or "avx2"; null for any other word.
constexpr const Tables* tables_of(const char* isa) {
    for (const Tables* tables : kAllTables)
        if (same_name(tables->isa, isa)) return tables;
    return nullptr;
}

}  // namespace sparsetrain::schedules
