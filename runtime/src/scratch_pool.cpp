#include "scratch_pool.h"

#include <cstdlib>
#include <new>

namespace sparsetrain::detail {

namespace {
// Vector loads of a pipeline stay inside 128-byte groups, and two cache lines are what an adjacent-line
// prefetch fetches.
constexpr std::size_t kScratchAlignment = 128;
}  // namespace

ScratchPool::~ScratchPool() {
    for (const Block& block : blocks_) std::free(block.memory);
}

void* ScratchPool::allocate(std::size_t bytes) noexcept {
    const std::size_t rounded = (bytes + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
    const std::lock_guard lock(mutex_);
    Block* best = nullptr;
    for (Block& block : blocks_) {
        if (!block.in_use && block.bytes >= rounded && (best == nullptr || block.bytes < best->bytes))
            best = &block;
    }
    // A much larger block stays free for the request that it was made for.
    if (best != nullptr && best->bytes <= 2 * rounded) {
        best->in_use = true;
        return best->memory;
    }
    void* memory = std::aligned_alloc(kScratchAlignment, rounded);
    if (memory == nullptr) return nullptr;
    try {
        blocks_.push_back({memory, rounded, true});
    } catch (const std::bad_alloc&) {
        std::free(memory);
        return nullptr;
    }
    return memory;
}

void ScratchPool::release(void* pointer) noexcept {
    const std::lock_guard lock(mutex_);
    for (Block& block : blocks_) {
        if (block.memory == pointer) block.in_use = false;
    }
}

}  // namespace sparsetrain::detail
