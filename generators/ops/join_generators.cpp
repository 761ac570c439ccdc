// Where paths of a network meet: the sum behind a residual block with its ReLU, and the sum of the gradients
// of a value that two paths read. Buffers: tensors (lane, pixel), masks (pixel).
#include <Halide.h>

#include <string>

#include "generators/lanes.h"
#include "generators/ops/pixel_loops.h"
#include "generators/relu.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

// dst = max(0, a + b) and its mask.
class AddRelu : public Generator<AddRelu> {
  public:
    Input<Buffer<float, 2>> a{"a"};
    Input<Buffer<float, 2>> b{"b"};
    Output<Buffer<float, 2>> dst{"dst"};
    Output<Buffer<uint16_t, 1>> mask{"mask"};

    void generate() {
        const auto sum = [&](const Expr& lane) { return a(lane, p) + b(lane, p); };
        bits_(p) += bit_if(relu_keeps(sum(lanes_)), lanes_);
        dst(l, p) = select(relu_keeps(sum(l)), sum(l), 0.0f);
        mask(p) = bits_(p);
    }

    void schedule() {
        for (auto* tensor : {&a, &b}) declare_lanes(*tensor);
        declare_lanes(dst);
        declare_mask_of(mask, dst);
        traverse_pixels(dst, mask, bits_, l, p, lanes_);
    }

  private:
    Var l{"l"}, p{"p"};
    RDom lanes_{0, kLanes};
    Func bits_{"bits"};
};

// sum = a + b; with the backward of the ReLU that made the value, where its mask has a bit, else 0.
class AddGradients : public Generator<AddGradients> {
  public:
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "masked"
    Input<Buffer<float, 2>> a{"a"};
    Input<Buffer<float, 2>> b{"b"};

    void configure() {
        if (epilogue.value() == "masked") mask_ = add_input<Buffer<uint16_t, 1>>("mask");
        sum_ = add_output<Buffer<float, 2>>("sum");
    }

    void generate() {
        const Expr sum = a(l, p) + b(l, p);
        (*sum_)(l, p) = mask_ == nullptr ? sum : select(bit_of((*mask_)(p), l), sum, 0.0f);
    }

    void schedule() {
        for (auto* tensor : {&a, &b}) declare_lanes(*tensor);
        declare_lanes(*sum_);
        traverse_pixels(Func(*sum_), l, p);
    }

  private:
    Var l{"l"}, p{"p"};
    GeneratorInput<Buffer<uint16_t, 1>>* mask_ = nullptr;
    GeneratorOutput<Buffer<float, 2>>* sum_ = nullptr;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(AddGradients, add_gradients)
HALIDE_REGISTER_GENERATOR(AddRelu, add_relu)
