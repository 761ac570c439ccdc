// Gives the memory of every AlignedArray of a program guards (guarded_memory.h): of tensors, masks and
// weights that tests make, and of those that operators own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#include "guarded_memory.h"

namespace {

using sparsetrain::test::GuardedMemory;

std::mutex mutex;

std::map<void*, GuardedMemory>& allocations() {
    static auto* all = new std::map<void*, GuardedMemory>;  // never destroyed: static objects may own memory
    return *all;
}

// Where a CPU is emulated: QEMU reads all of what a masked load of AVX leaves out, which may be in an
// inaccessible page, a guard or one beyond the heap. There an array has as much memory on both sides instead.
bool is_guarded() {
    static const bool guarded = std::getenv("SPARSETRAIN_TEST_UNGUARDED") == nullptr;
    return guarded;
}
constexpr std::size_t kUnguardedMargin = 4096;  // a multiple of every alignment, and more than a vector

void* allocate_unguarded(std::size_t bytes) {
    const std::size_t pages = (bytes + kUnguardedMargin - 1) / kUnguardedMargin + 2;
    auto* const memory =
        static_cast<std::byte*>(std::aligned_alloc(kUnguardedMargin, pages * kUnguardedMargin));
    if (memory == nullptr) throw std::bad_alloc();
    return memory + kUnguardedMargin;
}

void release(void* pointer) {
    if (!is_guarded()) {
        if (pointer != nullptr) std::free(static_cast<std::byte*>(pointer) - kUnguardedMargin);
        return;
    }
    const std::lock_guard lock(mutex);
    const auto found = allocations().find(pointer);
    if (found == allocations().end()) return;  // null
    EXPECT_TRUE(found->second.guards_intact())
        << "something wrote beside an array of " << found->second.bytes() << " bytes";
    allocations().erase(found);
}

}  // namespace

void* operator new(std::size_t bytes, std::align_val_t) {
    if (!is_guarded()) return allocate_unguarded(bytes);
    GuardedMemory memory(bytes);
    void* const data = memory.data();
    const std::lock_guard lock(mutex);
    allocations().emplace(data, std::move(memory));
    return data;
}
void operator delete(void* pointer, std::align_val_t) noexcept {
    release(pointer);
}
void operator delete(void* pointer, std::size_t, std::align_val_t) noexcept {
    release(pointer);
}
