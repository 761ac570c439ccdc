/* Stochastic gradient descent; the mathematics are in sparsetrain/sgd.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sparsetrain_sgd {
    float learning_rate, momentum, weight_decay;
    int32_t nesterov; /* 0 or 1 */
} sparsetrain_sgd;

/* Arrays of `count` floats, at least 1; value and momentum, which are read and written, are 64-byte aligned.
 */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_sgd_step(size_t count, const sparsetrain_sgd* sgd,
                                                          const float* gradient, float* value,
                                                          float* momentum, sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
