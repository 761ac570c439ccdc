#include "halide_interface.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <string_view>

#include "microarchitecture.h"
#include "scratch_pool.h"
#include "sparsetrain/library.h"
#include "thread_pool.h"
#include "workspace_impl.h"

// The private runtime's entry points, under the names that cmake/SparseTrainPipeline.cmake gives them.
extern "C" {
halide_error_handler_t sparsetrain_halide_set_error_handler(halide_error_handler_t handler);
halide_malloc_t sparsetrain_halide_set_custom_malloc(halide_malloc_t allocate);
halide_free_t sparsetrain_halide_set_custom_free(halide_free_t release);
halide_do_par_for_t sparsetrain_halide_set_custom_do_par_for(halide_do_par_for_t par_for);
halide_can_use_target_features_t sparsetrain_halide_set_custom_can_use_target_features(
    halide_can_use_target_features_t can_use);

// The OpenMP runtime's, if the program has one: the library does without.
[[gnu::weak]] int omp_in_parallel();
}

namespace sparsetrain::detail {

namespace {

CallContext& context_of(void* user_context) {
    return *static_cast<CallContext*>(user_context);
}

// Pipelines have no unwind tables: nothing below may throw, and an error is a return code plus this text.
void keep_first_message(void* user_context, const char* message) {
    CallContext& context = context_of(user_context);
    const std::lock_guard lock(context.errors);
    if (context.error[0] == '\0') std::snprintf(context.error.data(), context.error.size(), "%s", message);
}

void* allocate_scratch(void* user_context, std::size_t bytes) {
    return context_of(user_context).scratch->allocate(bytes);
}

void release_scratch(void* user_context, void* pointer) {
    if (pointer != nullptr) context_of(user_context).scratch->release(pointer);
}

// A loop's iterations, handed out one by one to as many workers as the call may use.
struct SharedLoop {
    void* user_context;
    halide_task_t body;
    std::uint8_t* closure;
    int end;
    std::atomic<int> next;
    std::atomic<int> error = 0;  // of an iteration that failed

    void work() noexcept {
        for (int i = next++; i < end; i = next++) {
            if (const int code = body(user_context, i, closure); code != 0) {
                error = code;
                return;
            }
        }
    }
};

void keep_first_exception(CallContext& context) {
    const std::lock_guard lock(context.errors);
    if (context.pool_error == nullptr) context.pool_error = std::current_exception();
}

// What the pool throws must not unwind the pipeline, which fails with a code instead.
int run_on_callers_pool(SharedLoop& loop, int workers) {
    CallContext& context = context_of(loop.user_context);
    try {
        (*context.pool)(workers, [&loop](int /*task*/) { loop.work(); });
        if (loop.error == 0 && loop.next < loop.end) {
            throw Error(ErrorCode::invalid_argument,
                        "Workspace: pool: expected it to run " + std::to_string(workers) +
                            " tasks, given one that returned without having run any");
        }
        return 0;
    } catch (...) {
        keep_first_exception(context);
        return halide_error_code_generic_error;
    }
}

// Loops nest (images, then blocks of rows): each takes as many of the call's idle threads as it has
// iterations for, so that a call never runs on more threads than it was given, and a batch of one image still
// shares its blocks of rows.
int take_idle_threads(std::atomic<int>& idle, int wanted) {
    int available = idle.load();
    while (!idle.compare_exchange_weak(available, available - std::min(available, wanted))) {
    }
    return std::min(available, wanted);
}

int parallel_for(void* user_context, halide_task_t body, int min, int size, std::uint8_t* closure) {
    CallContext& context = context_of(user_context);
    SharedLoop loop{user_context, body, closure, min + size, min};
    const int extra_threads = take_idle_threads(context.idle_threads, size - 1);
    int code = 0;
    if (extra_threads == 0) {
        loop.work();
    } else {
        if (*context.pool) {
            code = run_on_callers_pool(loop, extra_threads + 1);
        } else {
            run_with_helpers(extra_threads, [&loop] { loop.work(); });
        }
        context.idle_threads += extra_threads;
    }
    return code != 0 ? code : loop.error.load();
}

// Pipelines that are compiled for several instruction sets ask before each call: every one of them may run
// that is not better than the one in use.
int can_use(int /*count*/, const std::uint64_t* features) {
    const auto wants = [&](int feature) {
        constexpr int kBits = 64;
        return (features[feature / kBits] >> (feature % kBits) & 1) != 0;
    };
    const std::string_view isa = required_tables().isa;
    if (wants(halide_target_feature_avx512)) return isa == "avx512" ? 1 : 0;
    return isa != "baseline" || !wants(halide_target_feature_avx2) ? 1 : 0;
}

// The handlers are the private runtime's, which no other Halide code sees. When this code is loaded, before
// any constructor that could call the library: to look for the first call would take a lock.
[[gnu::constructor(101)]] void install_halide_handlers() {
    sparsetrain_halide_set_error_handler(keep_first_message);
    sparsetrain_halide_set_custom_malloc(allocate_scratch);
    sparsetrain_halide_set_custom_free(release_scratch);
    sparsetrain_halide_set_custom_do_par_for(parallel_for);
    sparsetrain_halide_set_custom_can_use_target_features(can_use);
}

}  // namespace

int threads_for_call(const Workspace& workspace) {
    const bool threads_are_taken =
        !workspace.impl().pool && omp_in_parallel != nullptr && omp_in_parallel() != 0;
    return threads_are_taken ? 1 : workspace.threads();
}

CallContext make_context(Workspace& workspace) {
    require_supported_cpu();
    Workspace::Impl& state = workspace.impl();
    return {{threads_for_call(workspace) - 1}, &state.scratch, &state.pool, {}, {}, {}};
}

void throw_pipeline_error(const char* pipeline, int code, const CallContext& context) {
    if (context.pool_error != nullptr) std::rethrow_exception(context.pool_error);
    const bool no_memory = code == halide_error_code_out_of_memory;
    throw Error(
        no_memory ? ErrorCode::out_of_memory : ErrorCode::internal,
        std::string(pipeline) + ": " +
            (context.error[0] == '\0' ? "failed with code " + std::to_string(code) : context.error.data()));
}

}  // namespace sparsetrain::detail
