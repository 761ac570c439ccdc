// Memory that the pipelines of one Workspace allocate and free in every call, kept so that pages stay mapped.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace sparsetrain::detail {

// Pages from the system, to which they return.
class Pages {
  public:
    Pages() = default;
    // Empty if there is no memory.
    explicit Pages(std::size_t bytes) noexcept;

    char* data() const { return memory_.get(); }
    std::size_t bytes() const { return memory_.get_deleter().bytes; }
    // Of [begin, end), gives back what are whole pages, until they are written to again. Their values are
    // lost.
    void drop(std::size_t begin, std::size_t end) const noexcept;

  private:
    struct Unmap {
        std::size_t bytes;
        void operator()(char* memory) const noexcept;
    };
    std::unique_ptr<char, Unmap> memory_{nullptr, {0}};
};

// One arena serves all sizes, as large as the most that was in use at one time, so that a loop over layers
// asks the system for nothing. What does not fit becomes pages of its own; once all is free again, the next
// arena has room for as much. Then, and while there are such pages, free parts of the arena cost nothing.
class ScratchPool {
  public:
    // 128-byte aligned; null when memory is out. Safe from the worker threads of a call.
    void* allocate(std::size_t bytes) noexcept;
    void release(void* pointer) noexcept;

  private:
    // In the arena, with what keeps it apart from its neighbours.
    struct Block {
        std::size_t begin, end;
    };
    using Blocks = std::vector<Block>;

    bool reserve_entry() noexcept;
    void grow_arena() noexcept;
    void* allocate_in_arena(std::size_t bytes) noexcept;
    void* allocate_outside(std::size_t bytes) noexcept;
    void drop_gaps() const noexcept;

    std::mutex mutex_;
    Pages arena_;
    Blocks blocks_;               // in use, by address
    std::vector<Pages> outside_;  // in use, too
    std::size_t in_use_ = 0, most_in_use_ = 0;
    std::size_t next_arena_ = 0;  // bytes, once all is free
};

}  // namespace sparsetrain::detail
