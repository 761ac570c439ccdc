// The memory that a training run takes, and the machine has, in bytes.
#pragma once

#include "train/models.h"

namespace sparsetrain::cli {

// Of a run with batches of `batch` images, its report's included; not what kernels take while they run, nor
// the data.
double memory_of(const train::Model& model, int batch);

// What this process may still take: of the machine's, its control group's and its own limit's, the least.
double available_memory();

}  // namespace sparsetrain::cli
