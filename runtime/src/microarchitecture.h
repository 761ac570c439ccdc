// Which of the compiled variants of every kernel this process runs.
#pragma once

#include <span>

#include "cpu.h"
#include "schedules/rows.h"

namespace sparsetrain::detail {

using TablesList = std::span<const schedules::Tables* const>;

// The tables that this build's kernels were compiled by.
TablesList compiled_tables();

// The tables of the kernels for `cpu`, of those that are compiled: those that the environment variable
// SPARSETRAIN_UARCH names, else the CPU's best, of the instruction set that SPARSETRAIN_ISA names if it is
// set (null: it is not). Throws Error(unsupported) for other words, for an instruction set that the CPU
// lacks, and where the two contradict each other or what is compiled.
const schedules::Tables& choose_tables(TablesList compiled, const Cpu& cpu, const char* uarch,
                                       const char* isa);

// Those of this process, always the same ones. Throws as choose_tables does.
const schedules::Tables& required_tables();

}  // namespace sparsetrain::detail
