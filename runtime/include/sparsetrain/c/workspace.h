/* Threads and scratch memory of calls, and pools of threads that callers hand over. */
#pragma once

#include "sparsetrain/c/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A part of a parallel loop: task(data, i). */
typedef void (*sparsetrain_task)(void* data, int task);

/* A pool of threads: runs task(data, 0) to task(data, tasks - 1), each once, in any order and on any threads,
 * the calling one included, and returns 0 when all have ended. Anything but 0 says that it failed, and fails
 * the library's call with SPARSETRAIN_INTERNAL; the tasks that it began must have ended then, too. It may be
 * called from within tasks, as loops nest, and by several threads at one time. It throws nothing.
 * `pool` is what sparsetrain_workspace_create was given. */
typedef int (*sparsetrain_parallel_for)(void* pool, int tasks, sparsetrain_task task, void* data);

/* Scratch memory, kept between calls, and threads. One call at a time may use a workspace. */
typedef struct sparsetrain_workspace sparsetrain_workspace;

/* `threads`: from 1 to 256, how many a call may use at one time, its caller's included. With a
 * `parallel_for`, all parallel work goes to it, and with 1 thread it is not called. Without one (null), the
 * library starts threads of its own. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_workspace_create(int threads,
                                                                  sparsetrain_parallel_for parallel_for,
                                                                  void* pool,
                                                                  sparsetrain_workspace** workspace);
/* Null is fine. */
SPARSETRAIN_C_API void sparsetrain_workspace_destroy(sparsetrain_workspace* workspace);

/* For the calls that follow; not while one runs. If it fails, the number stays as it was. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_workspace_set_threads(sparsetrain_workspace* workspace,
                                                                       int threads);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_workspace_threads(const sparsetrain_workspace* workspace,
                                                                   int* threads);

/* Whether the process had an OpenMP runtime, GNU's or one that serves its programs, when this library was
 * loaded. The library itself links none. */
SPARSETRAIN_C_API int sparsetrain_has_openmp(void);

/* A sparsetrain_parallel_for on that runtime's threads, for sparsetrain_workspace_create; its `pool` is not
 * looked at. A team with fewer threads than there are tasks takes several each. Returns 1 if there is no
 * runtime. Like all use of GNU's OpenMP, it is not for a child of fork() whose parent has used it. */
SPARSETRAIN_C_API int sparsetrain_openmp_parallel_for(void* pool, int tasks, sparsetrain_task task,
                                                      void* data);

#ifdef __cplusplus
}
#endif
