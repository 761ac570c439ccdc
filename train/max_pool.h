// 2x2 max pool with stride 2.
#pragma once

#include <cstdint>

#include "train/operator.h"

namespace sparsetrain::train {

// dst is floor(H / 2) by floor(W / 2): an odd last row or column is not looked at and gets no gradient. The
// gradient goes to the first maximum of a window, in row-major order.
class MaxPool2x2 : public Operator {
  public:
    // Throws Error(invalid_argument) for a height or width below 2.
    MaxPool2x2(std::string name, Shape src);

    Shape dst_shape() const override { return dst_.shape(); }
    // Both results carry masks: dst's is exact, diff_src's has at most a quarter of the bits.
    Activation forward(std::span<const Activation> srcs, RunContext context) override;
    void backward(const Activation& diff_dst, std::span<Activation> diff_srcs, RunContext context) override;
    std::size_t bytes() const override {
        return bytes_of(dst_.values(), diff_src_.values(), dst_mask_.words(), diff_src_mask_.words(),
                        choice_);
    }

  private:
    Tensor dst_, diff_src_;
    Mask dst_mask_, diff_src_mask_;
    AlignedArray<std::uint32_t> choice_;  // which pixel of each window won; one word per pixel of dst
};

}  // namespace sparsetrain::train
