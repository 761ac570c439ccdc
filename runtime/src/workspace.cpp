#include "sparsetrain/workspace.h"

#include <string>
#include <utility>

#include "checks.h"
#include "thread_pool.h"
#include "workspace_impl.h"

namespace sparsetrain {

const char* to_string(Pass pass) {
    switch (pass) {
        case Pass::fwd:
            return "fwd";
        case Pass::bwd_data:
            return "bwd_data";
        case Pass::bwd_weights:
            return "bwd_weights";
    }
    return "?";
}

const char* to_string(Operand operand) {
    return operand == Operand::src ? "src" : "diff_dst";
}

namespace {

int checked_threads(int threads) {
    if (threads >= 1 && threads <= kMostThreads) return threads;
    detail::throw_invalid("Workspace", "threads", "a count from 1 to " + std::to_string(kMostThreads),
                          std::to_string(threads));
}

}  // namespace

Workspace::Workspace(int threads, ParallelFor pool)
    : impl_(std::make_unique<Impl>(checked_threads(threads), std::move(pool))) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

int Workspace::threads() const {
    return impl().threads;
}
void Workspace::set_threads(int threads) {
    impl().threads = checked_threads(threads);
}
Workspace::Impl& Workspace::impl() const {
    detail::check_not_moved("Workspace", impl_.get());
    return *impl_;
}

}  // namespace sparsetrain
