// The schedule tables of every microarchitecture that classes are compiled for, by name, and which of them a
// core runs.
#pragma once

#include "schedules/avx2.h"
#include "schedules/avx512.h"
#include "schedules/baseline.h"
#include "schedules/sapphire_rapids.h"
#include "schedules/skylake_x.h"
#include "schedules/zen4.h"

// Those of -DSPARSETRAIN_SCHEDULES come first: every core that has their instruction set prefers them.
#ifdef SPARSETRAIN_TUNED
#include "schedules/tuned.h"
#define SPARSETRAIN_BEHIND_TUNED(...) \
    { &tuned::kTables, __VA_ARGS__ }
#else
#define SPARSETRAIN_BEHIND_TUNED(...) \
    { __VA_ARGS__ }
#endif

namespace sparsetrain::schedules {

inline constexpr const Tables* kAllTables[] =
    SPARSETRAIN_BEHIND_TUNED(&zen4::kTables, &sapphire_rapids::kTables, &skylake_x::kTables, &avx512::kTables,
                             &avx2::kTables, &baseline::kTables);

// Null for any word that is no microarchitecture's name.
constexpr const Tables* tables_of(const char* name) {
    for (const Tables* tables : kAllTables)
        if (same_name(tables->name, name)) return tables;
    return nullptr;
}

// The cores that the runtime tells apart. `sapphire_rapids`: and the server cores that followed;
// `skylake_x`: those up to Cooper Lake; `other`: Ice Lake, Zen 5, and all that have no AVX-512.
enum class Core { zen4, sapphire_rapids, skylake_x, other };

inline constexpr const Tables* kOnZen4[] =
    SPARSETRAIN_BEHIND_TUNED(&zen4::kTables, &avx512::kTables, &avx2::kTables, &baseline::kTables);
inline constexpr const Tables* kOnSapphireRapids[] =
    SPARSETRAIN_BEHIND_TUNED(&sapphire_rapids::kTables, &avx512::kTables, &avx2::kTables, &baseline::kTables);
inline constexpr const Tables* kOnSkylakeX[] =
    SPARSETRAIN_BEHIND_TUNED(&skylake_x::kTables, &avx512::kTables, &avx2::kTables, &baseline::kTables);
inline constexpr const Tables* kOnOthers[] =
    SPARSETRAIN_BEHIND_TUNED(&avx512::kTables, &avx2::kTables, &baseline::kTables);

// What a core runs: the first whose instruction set it has and may use.
constexpr Table<const Tables*> fallbacks_of(Core core) {
    switch (core) {
        case Core::zen4:
            return kOnZen4;
        case Core::sapphire_rapids:
            return kOnSapphireRapids;
        case Core::skylake_x:
            return kOnSkylakeX;
        case Core::other:
            break;
    }
    return kOnOthers;
}

}  // namespace sparsetrain::schedules
