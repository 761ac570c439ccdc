// The library's own threads, which sleep while no call has work for them.
#pragma once

#include <functional>

namespace sparsetrain::detail {

// Runs `work` on the calling thread and, at the same time, on up to `helpers` of the library's; returns when
// all that began have returned. `work` throws nothing, may come back here, and must be able to do everything
// on the calling thread: helpers that are not there in time, or that the system refuses, are not waited for.
void run_with_helpers(int helpers, const std::function<void()>& work) noexcept;

}  // namespace sparsetrain::detail
