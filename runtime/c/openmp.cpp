// A pool on the OpenMP runtime of the process, by what compilers call for `#pragma omp parallel`. Nothing
// here needs a runtime to be there.
#include "sparsetrain/c/workspace.h"

extern "C" {
[[gnu::weak]] void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags);
[[gnu::weak]] int omp_get_thread_num();
[[gnu::weak]] int omp_get_num_threads();
}

namespace {

struct Region {
    int tasks;
    sparsetrain_task task;
    void* data;
};

extern "C" void run_share(void* data) {
    const Region& region = *static_cast<const Region*>(data);
    const int team = omp_get_num_threads();
    for (int i = omp_get_thread_num(); i < region.tasks; i += team) region.task(region.data, i);
}

}  // namespace

int sparsetrain_has_openmp() {
    return GOMP_parallel != nullptr && omp_get_thread_num != nullptr && omp_get_num_threads != nullptr ? 1
                                                                                                       : 0;
}

// The team is as large as the runtime makes it without being asked: to change its size from region to region
// would have GNU's end threads and start others each time.
int sparsetrain_openmp_parallel_for(void* /*pool*/, int tasks, sparsetrain_task task, void* data) {
    if (sparsetrain_has_openmp() == 0) return 1;
    constexpr unsigned kUsualTeam = 0, kNoFlags = 0;
    Region region{tasks, task, data};
    GOMP_parallel(run_share, &region, kUsualTeam, kNoFlags);
    return 0;
}
