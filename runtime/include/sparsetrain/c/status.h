/* The C interface: status codes, error texts and its version. docs/c_interface.md shows it in use.
 *
 * Every function that can fail returns a status and, unless that is SPARSETRAIN_OK, leaves a text for
 * sparsetrain_error_text() and its outputs undefined. No C++ exception leaves the library. A null pointer,
 * unless the function says what it means, is SPARSETRAIN_INVALID_ARGUMENT.
 *
 * Arguments are in this order: the handle, shapes and what else describes the call, inputs, outputs, the
 * workspace, numbers that the call returns. What an operator computes is said in the C++ header of the same
 * name, and so is what may be written in place.
 */
#pragma once

/* Of structs, functions and enum values, which are as they are within a version: more may be added. */
#define SPARSETRAIN_C_VERSION 1

/* What the shared library exports, and nothing else. */
#define SPARSETRAIN_C_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef int sparsetrain_status;
enum {
    SPARSETRAIN_OK = 0,
    SPARSETRAIN_INVALID_ARGUMENT =
        1,                       /* a shape, pointer, alignment, count or name that the call cannot take */
    SPARSETRAIN_UNSUPPORTED = 2, /* a valid request that this build or machine does not serve */
    SPARSETRAIN_OUT_OF_MEMORY = 3,
    SPARSETRAIN_INTERNAL = 4 /* a pool of the caller's failed; or what the library should have foreseen */
};

/* Of the calling thread's last call that failed: the function, what was expected and what was given. Never
 * null; empty where none failed. It is valid until another call of this thread fails, or the thread ends. */
SPARSETRAIN_C_API const char* sparsetrain_error_text(void);

/* SPARSETRAIN_C_VERSION of the library that is loaded. */
SPARSETRAIN_C_API int sparsetrain_c_version(void);

#ifdef __cplusplus
}
#endif
