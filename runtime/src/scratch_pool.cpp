#include "scratch_pool.h"

#include <cstdlib>
#include <new>

namespace sparsetrain::detail {

namespace {
// Two cache lines: what an adjacent-line prefetch fetches.
constexpr std::size_t kScratchAlignment = 128;
// Halide may read a few bytes in front of and behind what it allocates (HalideRuntime.h, halide_malloc).
constexpr std::size_t kSlack = kScratchAlignment;
}  // namespace

ScratchPool::~ScratchPool() {
    for (const Block& block : blocks_) std::free(static_cast<char*>(block.memory) - kSlack);
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
    auto* whole = static_cast<char*>(std::aligned_alloc(kScratchAlignment, rounded + 2 * kSlack));
    if (whole == nullptr) return nullptr;
    try {
        blocks_.push_back({whole + kSlack, rounded, true});
    } catch (const std::bad_alloc&) {
        std::free(whole);
        return nullptr;
    }
    return whole + kSlack;
}

void ScratchPool::release(void* pointer) noexcept {
    const std::lock_guard lock(mutex_);
    for (Block& block : blocks_) {
        if (block.memory == pointer) block.in_use = false;
    }
}

}  // namespace sparsetrain::detail
