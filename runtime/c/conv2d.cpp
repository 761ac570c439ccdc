#include "sparsetrain/c/conv2d.h"

#include <algorithm>
#include <string_view>

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/library.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

struct sparsetrain_conv {
    Conv2d value;
};

struct sparsetrain_weights {
    PackedWeights value;
};

namespace {

const Conv2d& deref_conv(const char* function, const sparsetrain_conv* conv) {
    return deref(function, "conv", conv).value;
}

const PackedWeights& deref_weights(const char* function, const sparsetrain_weights* weights) {
    return deref(function, "weights", weights).value;
}

SparseInput sparse_input(const char* function, const char* mask_name, const float* data,
                         sparsetrain_mask* mask, const Shape& shape) {
    return {ConstTensorView{data, shape}, read_mask(function, mask_name, mask, shape)};
}

void give(const RunStatistics& statistics, sparsetrain_run* run) {
    if (run == nullptr) return;
    *run = {static_cast<int32_t>(statistics.pass),
            static_cast<int32_t>(statistics.kernel),
            static_cast<int32_t>(statistics.skipped),
            statistics.skips ? 1 : 0,
            statistics.is_trial ? 1 : 0,
            0,
            statistics.zeros};
}

bool has_pass(const Conv2d& conv, int pass) {
    if (pass != SPARSETRAIN_BWD_DATA) return pass == SPARSETRAIN_FWD || pass == SPARSETRAIN_BWD_WEIGHTS;
    const auto classes = layer_classes();
    return std::any_of(classes.begin(), classes.end(), [&](const LayerClassInfo& info) {
        return std::string_view(info.name) == conv.layer_class() && info.backward_data;
    });
}

}  // namespace

sparsetrain_status sparsetrain_conv_create(const sparsetrain_conv_shape* shape, const char* policy,
                                           const char* choice, sparsetrain_conv** conv) {
    const char* const function = "sparsetrain_conv_create";
    return guarded(function, [&] {
        sparsetrain_conv*& result = deref(function, "conv", conv);
        result =
            new sparsetrain_conv{Conv2d(unchecked(function, "shape", shape),
                                        policy == nullptr ? Policy::automatic : policy_from_string(policy),
                                        choice == nullptr ? Choice::measured : choice_from_string(choice))};
    });
}

void sparsetrain_conv_destroy(sparsetrain_conv* conv) {
    delete conv;
}

int sparsetrain_conv_supports(const sparsetrain_conv_shape* shape, int32_t pass) {
    try {
        return has_pass(Conv2d(unchecked("sparsetrain_conv_supports", "shape", shape)), pass) ? 1 : 0;
    } catch (...) {
        return 0;
    }
}

sparsetrain_status sparsetrain_conv_dst(const sparsetrain_conv_shape* shape, sparsetrain_shape* dst) {
    const char* const function = "sparsetrain_conv_dst";
    return guarded(function,
                   [&] { deref(function, "dst", dst) = to_c(checked(function, "shape", shape).dst()); });
}

sparsetrain_status sparsetrain_conv_describe(const sparsetrain_conv* conv,
                                             sparsetrain_conv_description* description) {
    const char* const function = "sparsetrain_conv_describe";
    return guarded(function, [&] {
        const Conv2d& plan = deref_conv(function, conv);
        const ConvShape& shape = plan.shape();
        deref(function, "description", description) = {
            to_c(shape),        to_c(shape.dst()),        to_c(shape.weights()),   shape.flops(),
            plan.layer_class(), to_string(plan.policy()), to_string(plan.choice())};
    });
}

sparsetrain_status sparsetrain_conv_scratch_bytes(const sparsetrain_conv* conv, int threads, size_t* bytes) {
    const char* const function = "sparsetrain_conv_scratch_bytes";
    return guarded(function, [&] {
        const Conv2d& plan = deref_conv(function, conv);
        deref(function, "bytes", bytes) = plan.scratch_bytes(threads);
    });
}

sparsetrain_status sparsetrain_weights_create(const float* master, const sparsetrain_weights_shape* shape,
                                              int keep, sparsetrain_weights** weights) {
    const char* const function = "sparsetrain_weights_create";
    return guarded(function, [&] {
        sparsetrain_weights*& result = deref(function, "weights", weights);
        const bool keeps = checked_number(function, "keep", keep, 2) == 1;
        result = new sparsetrain_weights{
            PackedWeights({master, checked(function, "shape", shape)},
                          keeps ? PackedWeights::Keep::until_changed : PackedWeights::Keep::for_a_call)};
    });
}

void sparsetrain_weights_destroy(sparsetrain_weights* weights) {
    delete weights;
}

sparsetrain_status sparsetrain_weights_mark_changed(sparsetrain_weights* weights) {
    const char* const function = "sparsetrain_weights_mark_changed";
    return guarded(function, [&] { deref(function, "weights", weights).value.mark_changed(); });
}

sparsetrain_status sparsetrain_conv_forward(const sparsetrain_conv* conv, const float* src,
                                            sparsetrain_mask* src_mask, const sparsetrain_weights* weights,
                                            const float* bias, float* dst, sparsetrain_workspace* workspace,
                                            sparsetrain_run* run) {
    const char* const function = "sparsetrain_conv_forward";
    return guarded(function, [&] {
        const Conv2d& plan = deref_conv(function, conv);
        const ConvShape& shape = plan.shape();
        give(plan.forward(sparse_input(function, "src_mask", src, src_mask, shape.src),
                          deref_weights(function, weights),
                          values_if_any(bias, static_cast<std::size_t>(shape.k)), {dst, shape.dst()},
                          deref(function, workspace)),
             run);
    });
}

sparsetrain_status sparsetrain_conv_forward_relu(const sparsetrain_conv* conv, const float* src,
                                                 sparsetrain_mask* src_mask,
                                                 const sparsetrain_weights* weights, const float* bias,
                                                 float* dst, sparsetrain_mask* dst_mask,
                                                 sparsetrain_workspace* workspace, sparsetrain_run* run) {
    const char* const function = "sparsetrain_conv_forward_relu";
    return guarded(function, [&] {
        const Conv2d& plan = deref_conv(function, conv);
        const ConvShape& shape = plan.shape();
        give(plan.forward_relu(sparse_input(function, "src_mask", src, src_mask, shape.src),
                               deref_weights(function, weights),
                               values_if_any(bias, static_cast<std::size_t>(shape.k)), {dst, shape.dst()},
                               written_mask(function, "dst_mask", dst_mask, shape.dst()),
                               deref(function, workspace)),
             run);
    });
}

sparsetrain_status sparsetrain_conv_backward_data(const sparsetrain_conv* conv, const float* diff_dst,
                                                  sparsetrain_mask* diff_dst_mask,
                                                  const sparsetrain_weights* weights, float* diff_src,
                                                  sparsetrain_mask* relu_mask,
                                                  sparsetrain_workspace* workspace, sparsetrain_run* run) {
    const char* const function = "sparsetrain_conv_backward_data";
    return guarded(function, [&] {
        const Conv2d& plan = deref_conv(function, conv);
        const ConvShape& shape = plan.shape();
        give(plan.backward_data(sparse_input(function, "diff_dst_mask", diff_dst, diff_dst_mask, shape.dst()),
                                deref_weights(function, weights), {diff_src, shape.src},
                                deref(function, workspace),
                                read_mask(function, "relu_mask", relu_mask, shape.src)),
             run);
    });
}

sparsetrain_status sparsetrain_conv_backward_weights(const sparsetrain_conv* conv, const float* src,
                                                     sparsetrain_mask* src_mask, const float* diff_dst,
                                                     sparsetrain_mask* diff_dst_mask, float* diff_weights,
                                                     float* diff_bias, sparsetrain_workspace* workspace,
                                                     sparsetrain_run* run) {
    const char* const function = "sparsetrain_conv_backward_weights";
    return guarded(function, [&] {
        const Conv2d& plan = deref_conv(function, conv);
        const ConvShape& shape = plan.shape();
        give(plan.backward_weights(
                 sparse_input(function, "src_mask", src, src_mask, shape.src),
                 sparse_input(function, "diff_dst_mask", diff_dst, diff_dst_mask, shape.dst()),
                 {diff_weights, shape.weights()}, values_if_any(diff_bias, static_cast<std::size_t>(shape.k)),
                 deref(function, workspace)),
             run);
    });
}
