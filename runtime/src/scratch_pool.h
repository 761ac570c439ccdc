// Memory that the pipelines of one Workspace allocate and free in every call, kept so that pages stay mapped.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

namespace sparsetrain::detail {

class ScratchPool {
  public:
    ScratchPool() = default;
    ScratchPool(const ScratchPool&) = delete;
    ScratchPool& operator=(const ScratchPool&) = delete;
    ~ScratchPool();

    // 128-byte aligned; null when memory is out. Safe from the worker threads of a call.
    void* allocate(std::size_t bytes) noexcept;
    void release(void* pointer) noexcept;

  private:
    struct Block {
        void* memory;
        std::size_t bytes;
        bool in_use;
    };
    std::mutex mutex_;
    std::vector<Block> blocks_;
};

}  // namespace sparsetrain::detail
