// What networks are made of, on a DoubleTape, each by its definition. All throw std::invalid_argument for
// shapes that do not fit.
#pragma once

#include <functional>
#include <vector>

#include "double_tape.h"

namespace sparsetrain::test {

// src [N][C][H][W] with weights [K][C][R][S], `padding` zeros at each side.
Variable convolution(Variable src, Variable weights, int stride, int padding);
// src [N][in] with weights [out][in].
Variable linear(Variable src, Variable weights);
// Adds bias [C] to src [N][C] or [N][C][H][W].
Variable add_bias(Variable src, Variable bias);

// The scalar is of shape [1].
Variable add_scalar(Variable src, Variable scalar);
Variable times_scalar(Variable src, Variable scalar);
Variable add(Variable a, Variable b);
// Its derivative at 0 is 0.
Variable relu(Variable src);

// (src - mean) / sqrt(variance + epsilon) * scale + shift with the batch's statistics, which have N * H * W >
// 1 values of each channel.
struct Normalised {
    Variable dst;
    std::vector<double> mean,
        unbiased_variance;  // For running statistics: the sum of squares / (N * H * W - 1).
};
Normalised batch_norm(Variable src, Variable scale, Variable shift, double epsilon);

// Square windows; of equal maxima the first in row-major order wins, padding never does.
Variable max_pool(Variable src, int size, int stride, int padding);
// To [N][C][height][width]. The window of output y is rows floor(y H / height) up to ceil((y + 1) H /
// height), as that of PyTorch's AdaptiveAvgPool2d: windows overlap, and repeat where the output is larger.
Variable adaptive_average_pool(Variable src, int height, int width);
// Images of equal N, H and W, as one with the channels of all.
Variable concatenate(const std::vector<Variable>& parts);
// [N][C][H][W] to [N][C H W].
Variable flatten(Variable src);

// src [N][features]: what is kept is divided by 1 - rate, the rest is 0.
using Kept = std::function<bool(int image, int feature)>;
Variable dropout(Variable src, double rate, const Kept& kept);

// An image's probabilities: `weight` of its label and 1 - weight of its other label (mixup, if there are
// other labels), and of that mixture 1 - smoothing, the rest being equal for all classes.
struct DoubleTargets {
    std::vector<int> labels, other_labels;
    double weight = 1, smoothing = 0;
};
// The mean over the batch, of logits [N][classes]; its shape is [1].
Variable softmax_cross_entropy(Variable logits, const DoubleTargets& targets);

}  // namespace sparsetrain::test
