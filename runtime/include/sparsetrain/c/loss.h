/* Softmax cross-entropy, with label smoothing and for mixtures of two pictures; the mathematics are in
 * sparsetrain/loss.h. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sparsetrain_targets {
    const int32_t* labels;       /* N classes */
    const int32_t* other_labels; /* of mixup, N classes; or null */
    float weight;                /* of `labels`, from 0 to 1; without other_labels, 1 */
    float smoothing;             /* from 0 to below 1 */
} sparsetrain_targets;

typedef struct sparsetrain_loss {
    double loss;     /* mean over the batch */
    int32_t correct; /* whose largest logit, the first of equals, is that of `labels` */
    int32_t reserved;
} sparsetrain_loss;

/* `shape` is [N][classes][1][1], of the logits and of diff_logits, the gradient of the mean loss. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_softmax_cross_entropy(
    const sparsetrain_shape* shape, const float* logits, const sparsetrain_targets* targets,
    float* diff_logits, sparsetrain_workspace* workspace, sparsetrain_loss* loss);

#ifdef __cplusplus
}
#endif
