// Values that are made when first needed, in a process that may fork() at that moment.
#pragma once

#include <atomic>
#include <memory>

namespace sparsetrain::detail {

// A T that is made by every thread that needs it first; all use the one that is ready first. Without the lock
// of a static variable of a function, which a forked child could find taken by a thread that it does not
// have. To be a variable of a namespace, which needs no such lock for its destructor either.
template <typename T>
class Lazily {
  public:
    constexpr Lazily() = default;
    ~Lazily() { delete value_.exchange(nullptr); }
    Lazily(const Lazily&) = delete;
    Lazily& operator=(const Lazily&) = delete;

    // Throws what `make` does.
    template <typename Make>
    const T& get(const Make& make) {
        const T* value = value_.load();
        if (value != nullptr) return *value;
        auto made = std::make_unique<const T>(make());
        return value_.compare_exchange_strong(value, made.get()) ? *made.release() : *value;
    }

  private:
    std::atomic<const T*> value_ = nullptr;
};

}  // namespace sparsetrain::detail
