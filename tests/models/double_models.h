// Training steps of the networks in double, by definition: what the program's own steps are compared with.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "double_tape.h"

namespace sparsetrain::test {

// By the names of torchvision's modules, or of this project for fixup_resnet50 and vgg-small.
using DoubleTensors = std::map<std::string, DoubleTensor>;

// vgg16, resnet18, resnet34, resnet50, fixup_resnet50, vgg-small.
const std::vector<std::string>& double_model_names();

struct StepInput {
    DoubleTensors parameters;               // With the running statistics, all of the model's and no others.
    DoubleTensor images;                    // [N][3][H][W]; [N][1][28][28] of vgg-small
    std::vector<int> labels, other_labels;  // Other labels only for mixup.
    double weight = 1, smoothing = 0;       // As of DoubleTargets.
    double dropout_rate = 0;
    // Of the model's first (which = 0) or second dropout; it is asked only at rates above 0.
    std::function<bool(int which, int image, int feature)> kept;
};

struct StepResult {
    double loss = 0;
    std::vector<double> logits;  // [N][classes]
    DoubleTensors gradients;     // Of the loss, for every parameter.
    DoubleTensors running;       // After the step: running_mean, running_var, num_batches_tracked.
};

// Widths are those of the parameters. Throws std::invalid_argument for an unknown model and for parameters
// that lack, do not fit or are not the model's.
StepResult double_step(const std::string& model, const StepInput& input);

// The loss alone, which takes a third of the time.
double double_loss(const std::string& model, const StepInput& input);

// All parameters and running statistics of a model, with the values of fixed_values.h. For quick tests all
// widths but those of images and classes can be divided by up to 64.
DoubleTensors fixed_parameters(const std::string& model, int classes, int width_divisor = 1);

// A step with fixed parameters, images and labels, as a whole.
StepInput fixed_step(const std::string& model, int batch, int image_size, int classes, int width_divisor = 1);

}  // namespace sparsetrain::test
