#include "tune/harness/runner.h"

#include <utility>

#include "conv_call.h"
#include "conv_class.h"

namespace sparsetrain::tune {

Runner::Runner(bench::Problem& problem, const detail::LayerClass& layer_class, Policy policy)
    : problem_(problem),
      kernel_(*detail::kernels_of_plan(layer_class, problem.shape, policy, problem.pass).front()),
      kernel_shape_(detail::shape_for_kernels(problem.shape)),
      packed_(problem.weights.view()) {}

void Runner::run() {
    detail::TensorBuffer src(TensorView{problem_.src.view().data, kernel_shape_.src});
    detail::TensorBuffer dst(TensorView{problem_.dst.view().data, kernel_shape_.dst()});
    detail::WeightsBuffer diff_weights(problem_.weights.view());
    ConstMaskView mask = std::as_const(problem_.relu_mask).view();
    mask.shape = kernel_shape_.src;
    detail::MaskBuffer mask_buffer(mask);
    const bool forward = problem_.pass == Pass::fwd;
    detail::BiasBuffer no_bias({}, forward ? kernel_shape_.k : kernel_shape_.src.c, workspace_);
    kernel_.run({.function = "sparsetrain tune",
                 .shape = kernel_shape_,
                 .workspace = workspace_,
                 .src = src,
                 .dst = dst,
                 .weights = &packed_,
                 .bias = &no_bias,
                 .mask = &mask_buffer,
                 .diff_weights = &diff_weights});
}

}  // namespace sparsetrain::tune
