/* A convolution with ReLU, trained by the C interface on threads of the program's own: it learns what another
 * one of the same shape computes, and fails if it does not. It prints the error of each step, and what ran.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "sparsetrain/c/sparsetrain.h"

enum { THREADS = 2, STEPS = 30 };

/* docs begin */
static void check(sparsetrain_status status) {
    if (status == SPARSETRAIN_OK) return;
    fprintf(stderr, "%s\n", sparsetrain_error_text());
    exit(1);
}

static void* allocate(size_t bytes) {
    void* memory = NULL;
    check(sparsetrain_allocate(bytes, &memory));
    return memory;
}

typedef struct {
    sparsetrain_conv* conv;
    sparsetrain_conv_description is;
    sparsetrain_weights* packed;
    float *weights, *diff_weights, *momentum; /* in the layout of master weights */
    float *dst, *diff_dst;
    sparsetrain_mask* mask; /* of both */
} layer;

static layer make_layer(const sparsetrain_conv_shape* shape) {
    layer made;
    check(sparsetrain_conv_create(shape, "auto", NULL, &made.conv));
    check(sparsetrain_conv_describe(made.conv, &made.is));
    made.weights = allocate(sparsetrain_weights_bytes(&made.is.weights));
    made.diff_weights = allocate(sparsetrain_weights_bytes(&made.is.weights));
    made.momentum = allocate(sparsetrain_weights_bytes(&made.is.weights));
    made.dst = allocate(sparsetrain_tensor_bytes(&made.is.dst));
    made.diff_dst = allocate(sparsetrain_tensor_bytes(&made.is.dst));
    made.mask = allocate(sparsetrain_mask_bytes(&made.is.dst));
    /* 0: packed for each call, as the weights change between calls. */
    check(sparsetrain_weights_create(made.weights, &made.is.weights, 0, &made.packed));
    return made;
}

static void free_layer(layer* of) {
    sparsetrain_weights_destroy(of->packed);
    sparsetrain_conv_destroy(of->conv);
    sparsetrain_free(of->weights);
    sparsetrain_free(of->diff_weights);
    sparsetrain_free(of->momentum);
    sparsetrain_free(of->dst);
    sparsetrain_free(of->diff_dst);
    sparsetrain_free(of->mask);
}

static void forward(const layer* of, const float* src, sparsetrain_workspace* workspace) {
    check(sparsetrain_conv_forward_relu(of->conv, src, NULL, of->packed, NULL, of->dst, of->mask, workspace,
                                        NULL));
}

/* From diff_dst: the ReLU's backward, in place, the gradient of the weights, and a step. */
static sparsetrain_run learn(const layer* of, const float* src, sparsetrain_workspace* workspace) {
    const sparsetrain_sgd sgd = {0.1f, 0.9f, 0, 0};
    const size_t count = sparsetrain_weights_bytes(&of->is.weights) / sizeof(float);
    sparsetrain_run run;
    check(sparsetrain_relu_backward(&of->is.dst, of->diff_dst, of->mask, of->diff_dst, workspace));
    check(sparsetrain_conv_backward_weights(of->conv, src, NULL, of->diff_dst, of->mask, of->diff_weights,
                                            NULL, workspace, &run));
    check(sparsetrain_sgd_step(count, &sgd, of->diff_weights, of->weights, of->momentum, workspace));
    return run;
}
/* docs end */

/* Half the squared error, of which diff_dst becomes the gradient. */
static double compare(const layer* given, const layer* expected) {
    const sparsetrain_shape* shape = &given->is.dst;
    const size_t count = sparsetrain_tensor_bytes(shape) / sizeof(float);
    const float share = 1.0f / (float)(shape->n * shape->h * shape->w);
    double error = 0;
    size_t i;
    for (i = 0; i < count; ++i) {
        const float difference = given->dst[i] - expected->dst[i];
        error += 0.5 * share * difference * difference;
        given->diff_dst[i] = share * difference;
    }
    return error;
}

/* Channels are whole blocks of 16 here: there are no lanes that have to be zero. */
static void fill(float* values, size_t bytes, unsigned seed, float scale) {
    size_t i;
    for (i = 0; i < bytes / sizeof(float); ++i) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = scale * ((float)(seed >> 8) / (float)(1 << 23) - 1);
    }
}

typedef struct {
    sparsetrain_task task;
    void* data;
    int index;
} part;

static void* run_part(void* argument) {
    const part* of = argument;
    of->task(of->data, of->index);
    return NULL;
}

/* A pool: a thread for each task but those for which there is none, which run here. */
static int run_on_threads(void* pool, int tasks, sparsetrain_task task, void* data) {
    pthread_t threads[THREADS];
    part parts[THREADS];
    int started = 0, i;
    (void)pool;
    for (; started < tasks - 1; ++started) {
        parts[started].task = task;
        parts[started].data = data;
        parts[started].index = started;
        if (pthread_create(&threads[started], NULL, run_part, &parts[started]) != 0) break;
    }
    for (i = started; i < tasks; ++i) task(data, i);
    for (i = 0; i < started; ++i) pthread_join(threads[i], NULL);
    return 0;
}

int main(void) {
    const sparsetrain_conv_shape shape = {{4, 32, 14, 14}, 32, 3, 3, 1, 1, 1, 1, 1};
    const size_t src_bytes = sparsetrain_tensor_bytes(&shape.src);
    float* src = allocate(src_bytes);
    layer learner = make_layer(&shape), model = make_layer(&shape);
    sparsetrain_workspace* workspace = NULL;
    double error = 0, first_error = 0;
    int step;
    check(sparsetrain_workspace_create(THREADS, run_on_threads, NULL, &workspace));
    fill(src, src_bytes, 1, 1);
    fill(model.weights, sparsetrain_weights_bytes(&model.is.weights), 2, 0.1f);
    fill(learner.weights, sparsetrain_weights_bytes(&learner.is.weights), 3, 0.1f);

    forward(&model, src, workspace);
    for (step = 0; step < STEPS; ++step) {
        sparsetrain_run run;
        forward(&learner, src, workspace);
        error = compare(&learner, &model);
        if (step == 0) first_error = error;
        run = learn(&learner, src, workspace);
        printf("error %8.4f, %s by %s: %4.1f %% zeros of %s\n", error, sparsetrain_pass_name(run.pass),
               sparsetrain_kernel_name(run.kernel), run.zeros, sparsetrain_operand_name(run.skipped));
    }

    sparsetrain_workspace_destroy(workspace);
    free_layer(&model);
    free_layer(&learner);
    sparsetrain_free(src);
    return error < 0.2 * first_error ? 0 : 1;
}
