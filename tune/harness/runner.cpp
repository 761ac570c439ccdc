#include "tune/harness/runner.h"

#include <utility>

#include "conv_class.h"
#include "convolve.h"

namespace sparsetrain::tune {
namespace {

constexpr const char* kName = "sparsetrain tune";

}  // namespace

Runner::Runner(bench::Problem& problem, const detail::LayerClass& layer_class, Kernel kernel)
    : problem_(problem),
      layer_class_(layer_class),
      kernel_(kernel),
      kernel_shape_(detail::shape_for_kernels(problem.shape)),
      packed_(problem.weights.view()) {}

void Runner::run() {
    const TensorView src{problem_.src.view().data, kernel_shape_.src};
    const TensorView dst{problem_.dst.view().data, kernel_shape_.dst()};
    switch (problem_.pass) {
        case Pass::fwd:
            return convolve(Pass::fwd, src, dst);
        case Pass::bwd_data:
            return convolve(Pass::bwd_data, dst, src);
        case Pass::bwd_weights:
            return compute_weights();
    }
}

void Runner::convolve(Pass pass, TensorView in, TensorView out) {
    const Padding& padding = problem_.shape.padding;
    const detail::Convolution convolution = {kName, pass, in, out.shape, padding.top, padding.left};
    detail::TensorBuffer to(out);
    if (kernel_ == Kernel::output_mask) {
        ConstMaskView mask = std::as_const(problem_.relu_mask).view();
        mask.shape = out.shape;
        return detail::convolve_by_mask(convolution, layer_class_, packed_, mask, workspace_, to);
    }
    detail::BiasBuffer no_bias({}, out.shape.c);
    detail::convolve(convolution, layer_class_, kernel_, packed_, no_bias, workspace_, to);
}

void Runner::compute_weights() {
    const Padding& padding = problem_.shape.padding;
    detail::TensorBuffer src(TensorView{problem_.src.view().data, kernel_shape_.src});
    detail::TensorBuffer diff_dst(TensorView{problem_.dst.view().data, kernel_shape_.dst()});
    detail::WeightsBuffer diff_weights(problem_.weights.view());
    if (kernel_ == Kernel::dense) {
        detail::call_pipeline(kName, layer_class_.bwd_weights_dense, workspace_, src, diff_dst, padding.top,
                              padding.left, diff_weights);
    } else {
        detail::backward_weights_zero_skip(kernel_shape_, layer_class_, Operand::src, src, diff_dst,
                                           diff_weights, workspace_);
    }
}

}  // namespace sparsetrain::tune
