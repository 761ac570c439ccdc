#include "train/arena_plan.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "sparsetrain/tensor.h"

namespace sparsetrain::train {
namespace {

std::size_t rounded(std::size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

bool meet(const Block& a, const Block& b) {
    return a.first <= b.last && b.first <= a.last;
}

// The smallest gap between `neighbours`, which are in order of offsets, or the end behind them.
std::size_t best_offset(const Block& block, const std::vector<const Block*>& neighbours) {
    const std::size_t bytes = rounded(block.bytes);
    std::size_t end = 0, best = 0, best_gap = 0;
    for (const Block* neighbour : neighbours) {
        if (neighbour->offset >= end + bytes && (best_gap == 0 || neighbour->offset - end < best_gap)) {
            best_gap = neighbour->offset - end;
            best = end;
        }
        end = std::max(end, neighbour->offset + rounded(neighbour->bytes));
    }
    return best_gap == 0 ? end : best;
}

}  // namespace

std::size_t place_blocks(std::vector<Block>& blocks) {
    std::vector<std::size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order,
                             [&](std::size_t a, std::size_t b) { return blocks[a].bytes > blocks[b].bytes; });
    std::vector<const Block*> placed;  // in order of offsets
    std::size_t size = 0;
    for (const std::size_t index : order) {
        Block& block = blocks[index];
        std::vector<const Block*> neighbours;
        std::ranges::copy_if(placed, std::back_inserter(neighbours),
                             [&](const Block* other) { return meet(block, *other); });
        block.offset = best_offset(block, neighbours);
        size = std::max(size, block.offset + rounded(block.bytes));
        const auto behind =
            std::ranges::find_if(placed, [&](const Block* other) { return other->offset > block.offset; });
        placed.insert(behind, &block);
    }
    return size;
}

std::size_t peak_of(const std::vector<Block>& blocks) {
    std::map<int, long long> changes;
    for (const Block& block : blocks) {
        changes[block.first] += static_cast<long long>(rounded(block.bytes));
        changes[block.last + 1] -= static_cast<long long>(rounded(block.bytes));
    }
    long long in_use = 0, most = 0;
    for (const auto& [time, change] : changes) most = std::max(most, in_use += change);
    return static_cast<std::size_t>(most);
}

}  // namespace sparsetrain::train
