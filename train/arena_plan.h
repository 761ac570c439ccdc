// Where in one arena blocks of memory lie whose times of use are known.
#pragma once

#include <cstddef>
#include <vector>

namespace sparsetrain::train {

// In use from time `first` to time `last`, both included.
struct Block {
    std::size_t bytes = 0;
    int first = 0, last = 0;
    std::size_t offset = 0;  // set by place_blocks, a multiple of kAlignment
};

// Gives every block a place such that none that are in use at the same time overlap. Returns the size of the
// arena. Large blocks choose first, and take the smallest gap that they fit, which comes within a few percent
// of peak_of in the networks here.
std::size_t place_blocks(std::vector<Block>& blocks);

// The most bytes in use at one time: no arena is smaller.
std::size_t peak_of(const std::vector<Block>& blocks);

}  // namespace sparsetrain::train
