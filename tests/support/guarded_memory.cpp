#include "guarded_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "sparsetrain/tensor.h"

namespace sparsetrain::test {

namespace {

constexpr int kFill = 0xff;

std::size_t round_up(std::size_t value, std::size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

std::size_t page_bytes() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

GuardedMemory::GuardedMemory(std::size_t bytes) : bytes_(bytes) {
    const std::size_t page = page_bytes();
    const std::size_t usable = round_up(bytes + kAlignment, page);
    mapping_bytes_ = usable + 2 * page;
    void* memory = mmap(nullptr, mapping_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mapping_ = static_cast<std::byte*>(memory);
    std::byte* begin = mapping_ + page;
    if (mprotect(begin, usable, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    std::memset(begin, kFill, usable);
    data_ = begin + usable - round_up(bytes, kAlignment);
}

GuardedMemory::~GuardedMemory() {
    if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

GuardedMemory::GuardedMemory(GuardedMemory&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapping_bytes_(other.mapping_bytes_),
      data_(other.data_),
      bytes_(other.bytes_) {}

bool GuardedMemory::guards_intact() const {
    const auto untouched = [](std::byte b) { return b == std::byte{kFill}; };
    const std::byte* begin = mapping_ + page_bytes();
    const std::byte* end = mapping_ + mapping_bytes_ - page_bytes();
    return std::all_of(begin, static_cast<const std::byte*>(data_), untouched) &&
           std::all_of(static_cast<const std::byte*>(data_ + bytes_), end, untouched);
}

}  // namespace sparsetrain::test
