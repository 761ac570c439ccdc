// Files of problem strings.
#pragma once

#include <functional>
#include <vector>

#include "problem_string.h"

namespace sparsetrain::bench {

// May change a layer, and throws Error(unsupported) for one that is not to be in the list.
using Accept = std::function<void(Layer&)>;
// Is told what of a file is left out: "FILE:LINE: skipped: why".
using ReportSkipped = std::function<void(const std::string&)>;

// The layers of a file, which is read as benchdnn reads its batch files: problem strings with white space
// between them; from # at the beginning of a word to the end of the line is a comment, and a word that ends
// with a backslash is continued by the next. Skipped, and told, are benchdnn's options (--dir=FWD_B),
// problems of which parse_layer() or `accept` say that they are unsupported, and those that are in the list
// already. A name that another problem has becomes NAME.2, NAME.3, ...
//
// Throws any other Error of a problem with the file's name and the line's number, and Error(invalid_argument)
// also for a file that cannot be read or of which no layer is left.
std::vector<Layer> read_layers(const std::string& file, const ReportSkipped& report,
                               const Accept& accept = {});

// Throws Error(invalid_argument) for a layer with more elements in a tensor than the library can index, and
// Error(out_of_memory) for one that a machine with so much memory cannot measure: its tensors and their copy
// in a peer's format do not fit.
void check_memory(const Layer& layer, double machine_bytes);

// Of this machine, without what others use.
double machine_bytes();

}  // namespace sparsetrain::bench
