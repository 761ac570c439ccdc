#include "sparsetrain/sgd.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/sgd.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

sparsetrain_status sparsetrain_sgd_step(size_t count, const sparsetrain_sgd* sgd, const float* gradient,
                                        float* value, float* momentum, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_sgd_step";
    return guarded(function, [&] {
        const sparsetrain_sgd& given = deref(function, "sgd", sgd);
        const std::size_t floats = checked_count(count, sizeof(float));
        const Sgd wanted{.learning_rate = given.learning_rate,
                         .momentum = given.momentum,
                         .weight_decay = given.weight_decay,
                         .nesterov = checked_number(function, "sgd.nesterov", given.nesterov, 2) == 1};
        sgd_step({value, floats}, {gradient, floats}, {momentum, floats}, wanted, deref(function, workspace));
    });
}
