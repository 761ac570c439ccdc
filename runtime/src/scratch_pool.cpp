#include "scratch_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace sparsetrain::detail {

namespace {

// Two cache lines: what an adjacent-line prefetch fetches.
constexpr std::size_t kScratchAlignment = 128;
// Halide may read a few bytes in front of and behind what it allocates (HalideRuntime.h, halide_malloc).
constexpr std::size_t kSlack = kScratchAlignment;

std::size_t round_up(std::size_t bytes, std::size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

std::size_t page_bytes() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Pages::Pages(std::size_t bytes) noexcept {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) memory_ = {static_cast<char*>(memory), Unmap{bytes}};
}

void Pages::drop(std::size_t begin, std::size_t end) const noexcept {
    const std::size_t page = page_bytes();
    const std::size_t first = round_up(begin, page), last = end / page * page;
    if (first < last) madvise(data() + first, last - first, MADV_DONTNEED);
}

void Pages::Unmap::operator()(char* memory) const noexcept {
    munmap(memory, bytes);
}

void* ScratchPool::allocate(std::size_t bytes) noexcept {
    // Slack between blocks is written by nobody, so that to read it is no race.
    const std::size_t whole = round_up(bytes, kScratchAlignment) + kSlack;
    const std::lock_guard lock(mutex_);
    if (!reserve_entry()) return nullptr;
    if (in_use_ == 0 && next_arena_ > arena_.bytes()) grow_arena();
    void* memory = allocate_in_arena(whole);
    if (memory == nullptr) memory = allocate_outside(whole);
    if (memory == nullptr) return nullptr;
    in_use_ += whole;
    most_in_use_ = std::max(most_in_use_, in_use_);
    return memory;
}

void ScratchPool::release(void* pointer) noexcept {
    const char* memory = static_cast<char*>(pointer) - kSlack;
    const std::lock_guard lock(mutex_);
    const auto page = std::ranges::find(outside_, memory, &Pages::data);
    if (page != outside_.end()) {
        in_use_ -= page->bytes() - kSlack;
        outside_.erase(page);
        return;
    }
    const auto block = std::ranges::lower_bound(blocks_, static_cast<std::size_t>(memory - arena_.data()), {},
                                                &Block::begin);
    in_use_ -= block->end - block->begin;
    blocks_.erase(block);
}

// For one more block, inside or outside.
bool ScratchPool::reserve_entry() noexcept {
    try {
        if (blocks_.size() == blocks_.capacity()) blocks_.reserve(2 * blocks_.size() + 1);
        if (outside_.size() == outside_.capacity()) outside_.reserve(2 * outside_.size() + 1);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void ScratchPool::grow_arena() noexcept {
    arena_ = Pages();  // first, so that the two are never there together
    arena_ = Pages(next_arena_);
}

// In the first gap that is large enough: what is touched stays at the beginning.
void* ScratchPool::allocate_in_arena(std::size_t bytes) noexcept {
    std::size_t begin = 0;
    auto next = blocks_.begin();
    while (next != blocks_.end() && next->begin - begin < bytes) begin = next++->end;
    if (arena_.bytes() < begin + bytes + kSlack) return nullptr;
    blocks_.insert(next, {begin, begin + bytes});
    return arena_.data() + begin + kSlack;
}

// The next arena has room for this, and an eighth to spare, which costs nothing until it is used: for sizes
// that keep growing, and for gaps between blocks. If it was gaps that left no room, it grows a little, within
// bounds.
void* ScratchPool::allocate_outside(std::size_t bytes) noexcept {
    drop_gaps();
    Pages pages(bytes + kSlack);
    if (pages.data() == nullptr) return nullptr;
    const std::size_t most = std::max(most_in_use_, in_use_ + bytes) + kSlack;
    const std::size_t larger = std::min(arena_.bytes() + arena_.bytes() / 8, most + most / 4);
    next_arena_ = std::max({next_arena_, most + most / 8, larger});
    outside_.push_back(std::move(pages));
    return outside_.back().data() + kSlack;
}

void ScratchPool::drop_gaps() const noexcept {
    std::size_t begin = 0;
    for (const Block& block : blocks_) {
        arena_.drop(begin, block.begin);
        begin = block.end;
    }
    arena_.drop(begin, arena_.bytes());
}

}  // namespace sparsetrain::detail
