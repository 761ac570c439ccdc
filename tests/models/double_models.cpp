#include "double_models.h"

#include <utility>

#include "double_operations.h"
#include "model_tables.h"

namespace sparsetrain::test {
namespace {

constexpr double kEpsilon = 1e-5, kMomentum = 0.1;

// A model's layers, with its parameters by name.
class Network {
  public:
    Network(DoubleTape& tape, const StepInput& input) : tape_(tape), input_(input) {}

    Variable parameter(const std::string& name) {
        const Variable variable = tape_.leaf(given(name));
        leaves_.emplace_back(name, variable);
        return variable;
    }
    Variable convolution(Variable x, const std::string& name, int stride, int padding) {
        return test::convolution(x, parameter(name + ".weight"), stride, padding);
    }
    Variable convolution_with_relu(Variable x, const std::string& name) {
        return relu(add_bias(convolution(x, name, 1, 1), parameter(name + ".bias")));
    }
    Variable linear(Variable x, const std::string& name) {
        return add_bias(test::linear(x, parameter(name + ".weight")), parameter(name + ".bias"));
    }
    Variable batch_norm(Variable x, const std::string& name) {
        const Normalised result =
            test::batch_norm(x, parameter(name + ".weight"), parameter(name + ".bias"), kEpsilon);
        move_towards(result.mean, name + ".running_mean");
        move_towards(result.unbiased_variance, name + ".running_var");
        const std::string counter = name + ".num_batches_tracked";
        running_[counter] = given(counter);
        running_[counter].values.at(0) += 1;
        return result.dst;
    }
    Variable plus(Variable x, const std::string& name) { return add_scalar(x, parameter(name)); }
    Variable dropout(Variable x, int which) {
        if (input_.dropout_rate == 0) return x;
        return test::dropout(x, input_.dropout_rate, [which, kept = input_.kept](int image, int feature) {
            return kept(which, image, feature);
        });
    }

    void require_all_used() const {
        require(leaves_.size() + running_.size() == input_.parameters.size(),
                std::to_string(leaves_.size() + running_.size()) + " parameters of the model, given " +
                    std::to_string(input_.parameters.size()));
    }
    DoubleTensors take_running() { return std::move(running_); }
    DoubleTensors take_gradients() {
        DoubleTensors all;
        for (auto& [name, leaf] : leaves_) all[name] = {leaf.shape(), std::move(leaf.gradient())};
        return all;
    }

  private:
    const DoubleTensor& given(const std::string& name) const {
        const auto found = input_.parameters.find(name);
        require(found != input_.parameters.end(), "a parameter " + name);
        return found->second;
    }
    void move_towards(const std::vector<double>& batch, const std::string& name) {
        DoubleTensor& running = running_[name] = given(name);
        require(running.values.size() == batch.size(), std::to_string(batch.size()) + " values of " + name);
        for (std::size_t c = 0; c < batch.size(); ++c)
            running.values[c] = (1 - kMomentum) * running.values[c] + kMomentum * batch[c];
    }

    DoubleTape& tape_;
    const StepInput& input_;
    std::vector<std::pair<std::string, Variable>> leaves_;
    DoubleTensors running_;
};

Variable vgg16(Network& net, Variable x) {
    int module = 0;
    for (const int width : kVgg16) {
        x = width == kPool ? max_pool(x, 2, 2, 0)
                           : net.convolution_with_relu(x, "features." + std::to_string(module));
        module += width == kPool ? 1 : 2;
    }
    x = flatten(adaptive_average_pool(x, 7, 7));
    x = net.dropout(relu(net.linear(x, "classifier.0")), 0);
    x = net.dropout(relu(net.linear(x, "classifier.3")), 1);
    return net.linear(x, "classifier.6");
}

Variable vgg_small(Network& net, Variable x) {
    int number = 1;
    for (const int width : kVggSmall)
        x = width == kPool ? max_pool(x, 2, 2, 0)
                           : net.convolution_with_relu(x, "conv" + std::to_string(number++));
    return net.linear(flatten(x), "fc");
}

// conv1, conv2 and conv3 with their batch normalisations; the stride is that of the 3x3.
Variable bottleneck(Network& net, Variable x, const std::string& prefix, int stride) {
    x = relu(net.batch_norm(net.convolution(x, prefix + "conv1", 1, 0), prefix + "bn1"));
    x = relu(net.batch_norm(net.convolution(x, prefix + "conv2", stride, 1), prefix + "bn2"));
    return net.batch_norm(net.convolution(x, prefix + "conv3", 1, 0), prefix + "bn3");
}
Variable basic_block(Network& net, Variable x, const std::string& prefix, int stride) {
    x = relu(net.batch_norm(net.convolution(x, prefix + "conv1", stride, 1), prefix + "bn1"));
    return net.batch_norm(net.convolution(x, prefix + "conv2", 1, 1), prefix + "bn2");
}

Variable residual(Network& net, Variable x, const Block& block, bool bottlenecks) {
    const std::string prefix = block.name + ".";
    const Variable h =
        bottlenecks ? bottleneck(net, x, prefix, block.stride) : basic_block(net, x, prefix, block.stride);
    if (h.shape() == x.shape()) return relu(add(h, x));
    return relu(add(h, net.batch_norm(net.convolution(x, prefix + "downsample.0", block.stride, 0),
                                      prefix + "downsample.1")));
}

Variable fixup_residual(Network& net, Variable x, const Block& block) {
    const std::string prefix = block.name + ".";
    const Variable shifted = net.plus(x, prefix + "bias1a");
    Variable h = relu(net.plus(net.convolution(shifted, prefix + "conv1", 1, 0), prefix + "bias1b"));
    h = net.plus(h, prefix + "bias2a");
    h = relu(net.plus(net.convolution(h, prefix + "conv2", block.stride, 1), prefix + "bias2b"));
    h = net.convolution(net.plus(h, prefix + "bias3a"), prefix + "conv3", 1, 0);
    h = net.plus(times_scalar(h, net.parameter(prefix + "scale")), prefix + "bias3b");
    if (h.shape() == x.shape()) return relu(add(h, x));
    return relu(add(h, net.convolution(shifted, prefix + "downsample", block.stride, 0)));
}

Variable resnet(Network& net, Variable x, const ResNet& model) {
    x = net.convolution(x, "conv1", 2, 3);
    x = relu(model.batch_norm ? net.batch_norm(x, "bn1") : net.plus(x, "bias1"));
    x = max_pool(x, 3, 2, 1);
    for (const Block& block : blocks_of(model))
        x = model.batch_norm ? residual(net, x, block, model.bottlenecks) : fixup_residual(net, x, block);
    x = flatten(adaptive_average_pool(x, 1, 1));
    if (!model.batch_norm) x = net.plus(x, "bias2");
    return net.linear(x, "fc");
}

Variable logits_of(const std::string& model, Network& net, Variable images) {
    if (model == "vgg16") return vgg16(net, images);
    if (model == "vgg-small") return vgg_small(net, images);
    const std::optional<ResNet> table = resnet_of(model);
    require(table.has_value(), "the name of a model, given " + model);
    return resnet(net, images, *table);
}

DoubleTargets targets_of(const StepInput& input) {
    return {input.labels, input.other_labels, input.weight, input.smoothing};
}

}  // namespace

const std::vector<std::string>& double_model_names() {
    static const std::vector<std::string> names = {"vgg16",    "resnet18",       "resnet34",
                                                   "resnet50", "fixup_resnet50", "vgg-small"};
    return names;
}

StepResult double_step(const std::string& model, const StepInput& input) {
    DoubleTape tape;
    Network net(tape, input);
    const Variable logits = logits_of(model, net, tape.leaf(input.images));
    net.require_all_used();
    const Variable loss = softmax_cross_entropy(logits, targets_of(input));
    tape.backward(loss);
    return {loss.values()[0], logits.values(), net.take_gradients(), net.take_running()};
}

double double_loss(const std::string& model, const StepInput& input) {
    DoubleTape tape;
    Network net(tape, input);
    const Variable logits = logits_of(model, net, tape.leaf(input.images));
    return softmax_cross_entropy(logits, targets_of(input)).values()[0];
}

}  // namespace sparsetrain::test
