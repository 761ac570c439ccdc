#include "double_models.h"
#include "fixed_values.h"
#include "model_tables.h"

namespace sparsetrain::test {
namespace {

// A model's tensors, added layer by layer.
class Parameters {
  public:
    explicit Parameters(int width_divisor) : divisor_(width_divisor) {}

    int width(int true_width) const { return true_width / divisor_; }
    DoubleTensors take() { return std::move(all_); }

    void add(const std::string& name, const std::vector<int>& shape) {
        const std::vector<float> values = fixed_parameter(name, shape);
        all_[name] = {shape, {values.begin(), values.end()}};
    }
    void add_convolution(const std::string& name, int out, int in, int size) {
        add(name + ".weight", {out, in, size, size});
    }
    void add_biased_convolution(const std::string& name, int out, int in, int size) {
        add_convolution(name, out, in, size);
        add(name + ".bias", {out});
    }
    void add_linear(const std::string& name, int out, int in) {
        add(name + ".weight", {out, in});
        add(name + ".bias", {out});
    }
    void add_batch_norm(const std::string& name, int channels) {
        for (const char* vector : {".weight", ".bias", ".running_mean", ".running_var"})
            add(name + vector, {channels});
        add(name + ".num_batches_tracked", {1});
    }

  private:
    int divisor_;
    DoubleTensors all_;
};

void add_vgg16(Parameters& p, int classes) {
    int in = 3, module = 0;
    for (const int width : kVgg16) {
        if (width == kPool) {
            module += 1;
            continue;
        }
        p.add_biased_convolution("features." + std::to_string(module), p.width(width), in, 3);
        in = p.width(width);
        module += 2;
    }
    const int features = p.width(kVgg16Features);
    p.add_linear("classifier.0", features, in * 7 * 7);
    p.add_linear("classifier.3", features, features);
    p.add_linear("classifier.6", classes, features);
}

void add_vgg_small(Parameters& p, int classes) {
    int in = 1, number = 1;
    for (const int width : kVggSmall) {
        if (width == kPool) continue;
        p.add_biased_convolution("conv" + std::to_string(number++), p.width(width), in, 3);
        in = p.width(width);
    }
    p.add_linear("fc", classes, in * 7 * 7);
}

void add_block(Parameters& p, const ResNet& net, const Block& block, int in) {
    const std::string prefix = block.name + ".";
    const int planes = p.width(block.planes), out = net.bottlenecks ? 4 * planes : planes;
    const auto add_layer = [&](const std::string& number, int to, int from, int size) {
        p.add_convolution(prefix + "conv" + number, to, from, size);
        if (net.batch_norm) {
            p.add_batch_norm(prefix + "bn" + number, to);
        } else {
            p.add(prefix + "bias" + number + "a", {1});
            p.add(prefix + "bias" + number + "b", {1});
        }
    };
    add_layer("1", planes, in, net.bottlenecks ? 1 : 3);
    add_layer("2", planes, planes, 3);
    if (net.bottlenecks) add_layer("3", out, planes, 1);
    if (!net.batch_norm) p.add(prefix + "scale", {1});
    if (block.stride == 1 && in == out) return;
    p.add_convolution(prefix + (net.batch_norm ? "downsample.0" : "downsample"), out, in, 1);
    if (net.batch_norm) p.add_batch_norm(prefix + "downsample.1", out);
}

void add_resnet(Parameters& p, const ResNet& net, int classes) {
    int in = p.width(64);
    p.add_convolution("conv1", in, 3, 7);
    if (net.batch_norm) {
        p.add_batch_norm("bn1", in);
    } else {
        p.add("bias1", {1});
        p.add("bias2", {1});
    }
    for (const Block& block : blocks_of(net)) {
        add_block(p, net, block, in);
        in = p.width(block.planes) * (net.bottlenecks ? 4 : 1);
    }
    p.add_linear("fc", classes, in);
}

}  // namespace

DoubleTensors fixed_parameters(const std::string& model, int classes, int width_divisor) {
    Parameters parameters(width_divisor);
    const std::optional<ResNet> resnet = resnet_of(model);
    require(resnet || model == "vgg16" || model == "vgg-small", "the name of a model, given " + model);
    if (resnet) add_resnet(parameters, *resnet, classes);
    if (model == "vgg16") add_vgg16(parameters, classes);
    if (model == "vgg-small") add_vgg_small(parameters, classes);
    return parameters.take();
}

StepInput fixed_step(const std::string& model, int batch, int image_size, int classes, int width_divisor) {
    StepInput input;
    input.parameters = fixed_parameters(model, classes, width_divisor);
    input.images = zeros_of({batch, model == "vgg-small" ? 1 : 3, image_size, image_size});
    const std::vector<float> images = fixed_images(input.images.values.size());
    input.images.values.assign(images.begin(), images.end());
    input.labels = fixed_labels(batch, classes);
    return input;
}

}  // namespace sparsetrain::test
