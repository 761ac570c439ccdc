// How far `auto` is from the best kernel, cell by cell.
#pragma once

#include <iosfwd>
#include <vector>

#include "layer_list.h"
#include "recorder.h"

namespace sparsetrain::bench {

// Of each layer, pass and percentage of zeros (in the operand; of bwd_data also in the ReLU's mask): `auto`
// makes `calls` calls, then it and every kernel take turns for so many rounds, and for more where it seems
// behind, as it may be noise. Best times count. Prints a line per cell, and then the share of cells within
// 3 % of the best kernel, and the worst.
struct ChoiceOptions {
    int calls = 30, rounds = 5;
    Clock clock = Clock::cpu;
};
void print_choices(const std::vector<Layer>& layers, const ChoiceOptions& options, std::ostream& out);

}  // namespace sparsetrain::bench
