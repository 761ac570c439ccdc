// Zeros of ReLUs over training runs, from files like bench/evaluation/published_zeros.csv.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sparsetrain::bench {

// The means over all of training, in %, of the ReLUs of `network` in the order in which they compute. Where
// the file has a ReLU and the max pool behind it, that of the pool: what the next convolution reads. Throws
// std::runtime_error that names the file for one that cannot be read, a line that is none of such a file, and
// a network that it does not have.
std::vector<double> profile_of(const std::filesystem::path& path, const std::string& network);

}  // namespace sparsetrain::bench
