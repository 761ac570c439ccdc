// Memory for test data that notices what a kernel does outside of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sparsetrain::test {

// `bytes` of 64-byte aligned memory that end, up to alignment, at an inaccessible page; another one lies in
// front of the first. All of it starts as bytes 0xff: NaN as float, all bits set as mask words, so that an
// output element that is never written, or a read outside, shows in the results.
class GuardedMemory {
  public:
    explicit GuardedMemory(std::size_t bytes);
    ~GuardedMemory();
    GuardedMemory(GuardedMemory&& other) noexcept;
    GuardedMemory& operator=(GuardedMemory&&) = delete;

    std::byte* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }
    // Whether the bytes between data and the inaccessible pages are as they were.
    bool guards_intact() const;

  private:
    std::byte* mapping_;
    std::size_t mapping_bytes_;
    std::byte* data_;
    std::size_t bytes_;
};

// An array of T in GuardedMemory.
template <typename T>
class Guarded {
  public:
    explicit Guarded(std::size_t count) : memory_(count * sizeof(T)), count_(count) {}

    T* data() const { return reinterpret_cast<T*>(memory_.data()); }
    std::size_t size() const { return count_; }
    T& operator[](std::size_t i) const { return data()[i]; }
    std::span<const T> values() const { return {data(), count_}; }
    bool guards_intact() const { return memory_.guards_intact(); }

  private:
    GuardedMemory memory_;
    std::size_t count_;
};

}  // namespace sparsetrain::test
