// State behind a lock, in a process that may fork() while another of its threads holds that lock.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>

namespace sparsetrain::detail {

// A T that is made when first needed and of which a forked child makes one of its own: the parent's may be
// locked, or half changed, by a thread that the child does not have. It stays in the child's memory, unused.
// Without fork handlers, which outlive a library that is unloaded; getpid() costs less than a tenth of a
// microsecond.
template <typename T>
class PerProcess {
  public:
    constexpr PerProcess() = default;
    ~PerProcess() { take(); }
    PerProcess(const PerProcess&) = delete;
    PerProcess& operator=(const PerProcess&) = delete;

    // This process's. Throws what T's constructor does.
    T& get() {
        Owned* current = current_.load();
        if (current != nullptr && current->process == getpid()) return current->value;
        auto made = std::make_unique<Owned>();
        // Of several threads that come first, one makes what all use.
        while (current == nullptr || current->process != made->process)
            if (current_.compare_exchange_weak(current, made.get())) return made.release()->value;
        return current->value;
    }

    struct Owned {
        const pid_t process = getpid();
        T value;
    };

    // This process's, if there is one; from now on there is none.
    std::unique_ptr<Owned> take() {
        Owned* current = current_.load();
        if (current == nullptr || current->process != getpid()) return nullptr;
        return std::unique_ptr<Owned>(current_.exchange(nullptr));
    }

  private:
    std::atomic<Owned*> current_ = nullptr;
};

}  // namespace sparsetrain::detail
