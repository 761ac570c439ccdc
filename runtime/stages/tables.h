// The schedule tables that a stage is compiled for, which CMake names through SPARSETRAIN_UARCH.
#pragma once

#include "runtime/stages/vec.h"
#include "schedules/derived.h"
#include "schedules/tables.h"

namespace {

using sparsetrain::schedules::row_of, sparsetrain::schedules::Tables;

constexpr auto kTables = *sparsetrain::schedules::tables_of(SPARSETRAIN_UARCH);
static_assert(kTables.registers == kRegisters && kTables.registers_per_vector == kVecRegisters,
              "compiled for another instruction set");

}  // namespace
