#include "sparsetrain/loss.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/loss.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

sparsetrain_status sparsetrain_softmax_cross_entropy(const sparsetrain_shape* shape, const float* logits,
                                                     const sparsetrain_targets* targets, float* diff_logits,
                                                     sparsetrain_workspace* workspace,
                                                     sparsetrain_loss* loss) {
    const char* const function = "sparsetrain_softmax_cross_entropy";
    return guarded(function, [&] {
        const Shape all = checked(function, "shape", shape);
        const sparsetrain_targets& given = deref(function, "targets", targets);
        const auto images = static_cast<std::size_t>(all.n);
        const Targets wanted{.labels = {given.labels, images},
                             .other_labels = values_if_any(given.other_labels, images),
                             .weight = given.weight,
                             .smoothing = given.smoothing};
        sparsetrain_loss& result = deref(function, "loss", loss);
        const LossResult found =
            softmax_cross_entropy({logits, all}, wanted, {diff_logits, all}, deref(function, workspace));
        result = {found.loss, found.correct, 0};
    });
}
