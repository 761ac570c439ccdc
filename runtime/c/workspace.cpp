#include "sparsetrain/c/workspace.h"

#include <functional>
#include <memory>
#include <string>

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/error.h"

using namespace sparsetrain::c;
using sparsetrain::ParallelFor;

namespace {

using Task = std::function<void(int)>;

extern "C" void run_task(void* data, int task) {
    (*static_cast<const Task*>(data))(task);
}

ParallelFor pool_of(sparsetrain_parallel_for parallel_for, void* pool) {
    if (parallel_for == nullptr) return {};
    return [parallel_for, pool](int tasks, const Task& task) {
        const int code = parallel_for(pool, tasks, run_task, const_cast<Task*>(&task));
        if (code == 0) return;
        throw sparsetrain::Error(
            sparsetrain::ErrorCode::internal,
            "Workspace: pool: expected 0 from parallel_for, given " + std::to_string(code));
    };
}

}  // namespace

sparsetrain_status sparsetrain_workspace_create(int threads, sparsetrain_parallel_for parallel_for,
                                                void* pool, sparsetrain_workspace** workspace) {
    const char* const function = "sparsetrain_workspace_create";
    return guarded(function, [&] {
        sparsetrain_workspace*& result = deref(function, "workspace", workspace);
        result = new sparsetrain_workspace{sparsetrain::Workspace(threads, pool_of(parallel_for, pool))};
    });
}

void sparsetrain_workspace_destroy(sparsetrain_workspace* workspace) {
    delete workspace;
}

sparsetrain_status sparsetrain_workspace_set_threads(sparsetrain_workspace* workspace, int threads) {
    const char* const function = "sparsetrain_workspace_set_threads";
    return guarded(function, [&] { deref(function, workspace).set_threads(threads); });
}

sparsetrain_status sparsetrain_workspace_threads(const sparsetrain_workspace* workspace, int* threads) {
    const char* const function = "sparsetrain_workspace_threads";
    return guarded(function, [&] {
        deref(function, "threads", threads) = deref(function, "workspace", workspace).value.threads();
    });
}
