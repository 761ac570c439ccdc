/* What the library is, and what it can run on; more of it in sparsetrain/library.h. Names are valid for
 * ever. */
#pragma once

#include <stdint.h>

#include "sparsetrain/c/status.h"

#ifdef __cplusplus
extern "C" {
#endif

SPARSETRAIN_C_API const char* sparsetrain_version(void);        /* "0.1.0" */
SPARSETRAIN_C_API const char* sparsetrain_halide_version(void); /* of what compiled the kernels */

/* Of the kernels that this process runs: "avx512", "avx2", "baseline", or "none". */
SPARSETRAIN_C_API const char* sparsetrain_instruction_set(void);
/* Whose tile sizes they have: "zen4", "sapphire_rapids", "skylake_x", "avx512", "avx2", "baseline", or
 * "none". */
SPARSETRAIN_C_API const char* sparsetrain_microarchitecture(void);

/* SPARSETRAIN_UNSUPPORTED if one of these is "none": the text says what is missing. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_require_supported_cpu(void);

/* Each gives the names of what has the numbers 0, 1 and so on, and null beyond the last. */
SPARSETRAIN_C_API const char* sparsetrain_microarchitecture_name(int32_t index); /* those compiled in */
SPARSETRAIN_C_API const char* sparsetrain_pass_name(int32_t pass);
SPARSETRAIN_C_API const char* sparsetrain_kernel_name(int32_t kernel);
SPARSETRAIN_C_API const char* sparsetrain_operand_name(int32_t operand);
SPARSETRAIN_C_API const char* sparsetrain_policy_name(int32_t policy);
SPARSETRAIN_C_API const char* sparsetrain_choice_name(int32_t choice);

/* Filters and strides that the library has kernels for. */
typedef struct sparsetrain_layer_class {
    const char* name; /* "conv3x3_stride1" */
    int32_t filter_h, filter_w;
    int32_t stride;
    int32_t skips_zeros;   /* whether it has other kernels than dense */
    int32_t backward_data; /* whether it has that pass */
    int32_t reserved;
} sparsetrain_layer_class;

SPARSETRAIN_C_API int32_t sparsetrain_layer_class_count(void);
/* `index` is from 0 to before the count, here and below. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_layer_class_info(int32_t index,
                                                                  sparsetrain_layer_class* info);
/* Whether the class has the kernel for the pass: 1 or 0. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_layer_class_has_kernel(int32_t index, int32_t pass,
                                                                        int32_t kernel, int32_t* has);
/* How far a result of that kernel may be from the sum of its products, besides rounding, in units of the
 * results' root mean square. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_layer_class_error_bound(int32_t index, int32_t pass,
                                                                         int32_t kernel, double* bound);

#ifdef __cplusplus
}
#endif
