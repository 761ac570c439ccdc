#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "per_process.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::detail {

namespace {

using Clock = std::chrono::steady_clock;

// The loops of a call, and often calls, follow each other sooner than a sleeping thread can be woken. So who
// has to wait looks around for that long before it sleeps.
constexpr std::chrono::microseconds kSpin{20};

// Returns whether `is_done` came true in time. Meanwhile others may have the core: who wakes a thread often
// finds it on its own.
template <typename Condition>
bool spin_until(Clock::time_point end, const Condition& is_done) {
    constexpr int kPauses = 16;
    do {
        for (int i = 0; i < kPauses; ++i) {
            if (is_done()) return true;
            __builtin_ia32_pause();
        }
        std::this_thread::yield();
    } while (Clock::now() < end);
    return false;
}

// One call of run_with_helpers, on its caller's stack.
struct Job {
    // Of `unfinished`: the caller sleeps until it is told.
    static constexpr int kCallerSleeps = 1 << 16;

    const std::function<void()>& work;
    int places;                       // for helpers that have not come; under the pool's lock
    Job* next = nullptr;              // the next older one with open places
    std::atomic<int> unfinished = 0;  // helpers that have come
};

// A thread that waits, on its own stack.
struct Sleeper {
    Sleeper* next;  // fell asleep before
    bool is_woken = false;
    std::condition_variable wake_up{};
};

class ThreadPool {
  public:
    void run(int helpers, const std::function<void()>& work);
    // No thread is left when it returns, and none starts.
    void end();

  private:
    void open(Job& job);
    void close(Job& job, int helpers);
    void remove(const Job& job);
    void start_threads();
    void wake_some();
    void wake_last_asleep();
    void serve();
    Job* take_place();
    void finish(Job& job);
    void sleep(std::unique_lock<std::mutex>& lock);

    std::mutex mutex_;
    std::condition_variable job_is_done_;
    std::vector<std::thread> threads_;
    Job* youngest_ = nullptr;           // of those with open places
    std::atomic<int> open_places_ = 0;  // in all of them; written under the lock
    int wanted_ = 0;                    // helpers of all jobs that are under way
    int looking_ = 0;                   // threads that look for a place before they sleep
    Sleeper* last_asleep_ = nullptr;    // woken first, as its caches are warmest
    bool ends_ = false;
};

void ThreadPool::run(int helpers, const std::function<void()>& work) {
    Job job{work, helpers};
    open(job);
    work();
    close(job, helpers);
}

void ThreadPool::end() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
        while (last_asleep_ != nullptr) wake_last_asleep();
    }
    for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::open(Job& job) {
    const std::lock_guard lock(mutex_);
    job.next = youngest_;
    youngest_ = &job;
    wanted_ += job.places;
    open_places_ += job.places;
    start_threads();
    wake_some();
}

// Waits for the helpers that came; no other comes.
void ThreadPool::close(Job& job, int helpers) {
    {
        const std::lock_guard lock(mutex_);
        wanted_ -= helpers;
        open_places_ -= job.places;
        if (job.places > 0) remove(job);
    }
    if (spin_until(Clock::now() + kSpin, [&] { return job.unfinished == 0; })) return;
    std::unique_lock lock(mutex_);
    if (job.unfinished.fetch_add(Job::kCallerSleeps) == 0) return;
    job_is_done_.wait(lock, [&] { return job.unfinished == Job::kCallerSleeps; });
}

void ThreadPool::remove(const Job& job) {
    Job** link = &youngest_;
    while (*link != &job) link = &(*link)->next;
    *link = job.next;
}

// As many as are wanted, if the system has them.
void ThreadPool::start_threads() {
    const auto wanted = static_cast<std::size_t>(std::min(wanted_, kMostThreads - 1));
    try {
        while (threads_.size() < wanted && !ends_) {
            threads_.reserve(wanted);
            threads_.emplace_back([this] { serve(); });
            ++looking_;
        }
    } catch (const std::system_error&) {  // no thread
    } catch (const std::bad_alloc&) {
    }
}

// Two at most: each that comes wakes two more, so that the caller does not pay for all.
void ThreadPool::wake_some() {
    for (int i = 0; i < 2 && last_asleep_ != nullptr && open_places_ > looking_; ++i) wake_last_asleep();
}

void ThreadPool::wake_last_asleep() {
    Sleeper& sleeper = *last_asleep_;
    last_asleep_ = sleeper.next;
    ++looking_;
    sleeper.is_woken = true;
    sleeper.wake_up.notify_one();
}

// A thread's life.
void ThreadPool::serve() {
    auto sleeps_from = Clock::now() + kSpin;
    std::unique_lock lock(mutex_);
    while (!ends_) {
        if (Job* job = take_place()) {
            lock.unlock();
            job->work();
            finish(*job);
            sleeps_from = Clock::now() + kSpin;
            lock.lock();
            ++looking_;
        } else if (Clock::now() < sleeps_from) {
            lock.unlock();
            spin_until(sleeps_from, [this] { return open_places_ > 0; });
            lock.lock();
        } else {
            sleep(lock);
        }
    }
}

// In the youngest job, as older ones may wait for it; null if there is none.
Job* ThreadPool::take_place() {
    Job* job = youngest_;
    if (job == nullptr) return nullptr;
    if (--job->places == 0) youngest_ = job->next;
    --open_places_;
    --looking_;
    ++job->unfinished;
    wake_some();
    return job;
}

// Once `unfinished` says so, the job may be gone.
void ThreadPool::finish(Job& job) {
    if (job.unfinished.fetch_sub(1) != Job::kCallerSleeps + 1) return;
    const std::lock_guard lock(mutex_);
    job_is_done_.notify_all();
}

void ThreadPool::sleep(std::unique_lock<std::mutex>& lock) {
    Sleeper self{last_asleep_};
    last_asleep_ = &self;
    --looking_;
    self.wake_up.wait(lock, [&] { return self.is_woken; });
}

// The pool of this process, whose threads end with it, or when a shared library with this code is unloaded.
class OwnPool {
  public:
    ~OwnPool() {
        ended_ = true;
        auto pool = pool_.take();
        if (pool == nullptr) return;
        pool->value.end();
        if (users_ != 0) static_cast<void>(pool.release());  // other threads still call, as exit() lets them
    }

    void run(int helpers, const std::function<void()>& work) {
        ++users_;
        if (ThreadPool* pool = find()) {
            pool->run(helpers, work);
        } else {
            work();
        }
        --users_;
    }

  private:
    ThreadPool* find() {
        try {
            return ended_ ? nullptr : &pool_.get();
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }

    PerProcess<ThreadPool> pool_;
    std::atomic<int> users_ = 0;
    std::atomic<bool> ended_ = false;
};

OwnPool own_pool;

}  // namespace

void run_with_helpers(int helpers, const std::function<void()>& work) noexcept {
    own_pool.run(helpers, work);
}

}  // namespace sparsetrain::detail
