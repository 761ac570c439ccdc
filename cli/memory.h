// The memory that this process has, and may have, in bytes.
#pragma once

namespace sparsetrain::cli {

// What it has now, and the most that it ever had, in RAM.
double resident_memory();
double most_resident_memory();

// What this process may still take: of the machine's, its control group's and its own limit's, the least.
double available_memory();

}  // namespace sparsetrain::cli
