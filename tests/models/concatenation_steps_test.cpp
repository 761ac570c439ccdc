// Steps of small networks with concatenations against the reference in double: as in U-Net, as in DenseNet,
// and as in GoogLeNet.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "double_operations.h"
#include "fixed_values.h"
#include "train/models/builder.h"
#include "train/network.h"

namespace sparsetrain::test {
namespace {

using train::Builder;
using train::Value;

constexpr int kBatch = 3, kSize = 10, kClasses = 7;
constexpr double kMostError = 1e-5;  // of sums of some hundred products

// A network on the tape, with fixed parameters, by the names that the program's has.
class Reference {
  public:
    explicit Reference(const train::Network& network) {
        for (const train::Parameter* parameter : network.parameters()) {
            const std::vector<int> shape(parameter->shape.begin(), parameter->shape.end());
            const std::vector<float> values = fixed_parameter(parameter->name, shape);
            parameters_[parameter->name] = {shape, {values.begin(), values.end()}};
        }
    }

    Variable images() { return tape_.leaf(images_); }
    Variable conv(Variable x, const std::string& name) {
        return convolution(x, leaf(name + ".weight"), 1, 1);
    }
    Variable conv_relu(Variable x, const std::string& name) {
        return relu(add_bias(conv(x, name), leaf(name + ".bias")));
    }
    Variable norm_relu(Variable x, const std::string& name) {
        return relu(batch_norm(x, leaf(name + ".weight"), leaf(name + ".bias"), 1e-5).dst);
    }
    Variable logits(Variable x) {
        return add_bias(test::linear(flatten(x), leaf("fc.weight")), leaf("fc.bias"));
    }

    double backward(Variable logits) {
        const Variable loss = softmax_cross_entropy(logits, {fixed_labels(kBatch, kClasses), {}});
        tape_.backward(loss);
        return loss.values()[0];
    }
    const std::vector<double>& gradient(const std::string& name) { return leaves_.at(name).gradient(); }
    const DoubleTensor& parameter(const std::string& name) const { return parameters_.at(name); }
    std::vector<float> image_values() const { return {images_.values.begin(), images_.values.end()}; }

  private:
    Variable leaf(const std::string& name) {
        return leaves_.emplace(name, tape_.leaf(parameters_.at(name))).first->second;
    }
    static DoubleTensor fixed() {
        const std::vector<float> values = fixed_images(std::size_t{kBatch} * 3 * kSize * kSize);
        return {{kBatch, 3, kSize, kSize}, {values.begin(), values.end()}};
    }

    DoubleTensor images_ = fixed();
    std::map<std::string, DoubleTensor> parameters_;
    std::map<std::string, Variable> leaves_;
    DoubleTape tape_;
};

// The same network, for the program and on the tape.
struct Model {
    const char* name;
    Value (*make)(Builder&);
    Variable (*on_tape)(Reference&);
};

void PrintTo(const Model& model, std::ostream* out) {
    *out << model.name;
}

Value conv(Builder& build, const std::string& name, const Value& src, int k) {
    return build.convolution(name, src, {.k = k});
}
Value conv_relu(Builder& build, const std::string& name, const Value& src, int k) {
    return build.convolution(name, src, {.k = k, .has_bias = true, .has_relu = true});
}

// A skipped value that is rectified and has another reader, behind one that is not and has none, and the
// images.
const Model kUNet = {"u_net",
                     [](Builder& build) {
                         const Value skipped = conv_relu(build, "a", build.images(), 20);
                         Value x = conv_relu(build, "b", build.max_pool("pool", skipped, {}), 37);
                         x = build.add<train::AdaptiveAveragePool>({x}, "up", x, kSize, kSize);
                         x = conv(build, "c", x, 18);
                         x = build.concatenation("cat", {x, skipped, build.images()});
                         return conv_relu(build, "d", x, 24);
                     },
                     [](Reference& net) {
                         const Variable skipped = net.conv_relu(net.images(), "a");
                         Variable x = net.conv_relu(max_pool(skipped, 2, 2, 0), "b");
                         x = net.conv(adaptive_average_pool(x, kSize, kSize), "c");
                         return net.conv_relu(concatenate({x, skipped, net.images()}), "d");
                     }};

// Values that are no ReLU's, each of which all normalisations behind it read, in concatenations of
// concatenations.
const Model kDenseNet = {"dense_net",
                         [](Builder& build) {
                             Value all = conv(build, "stem", build.images(), 16);
                             for (const char* layer : {"1", "2", "3"}) {
                                 const Value normal = build.norm_relu(std::string("norm") + layer, all);
                                 const Value grown = conv(build, std::string("conv") + layer, normal, 12);
                                 all = build.concatenation(std::string("cat") + layer, {all, grown});
                             }
                             return build.norm_relu("norm", all);
                         },
                         [](Reference& net) {
                             Variable all = net.conv(net.images(), "stem");
                             for (const char* layer : {"1", "2", "3"}) {
                                 const Variable normal = net.norm_relu(all, std::string("norm") + layer);
                                 all = concatenate({all, net.conv(normal, std::string("conv") + layer)});
                             }
                             return net.norm_relu(all, "norm");
                         }};

// Branches that are all rectified, of which one has another reader, and one comes twice; in front of a pool.
const Model kInception = {
    "inception",
    [](Builder& build) {
        const Value stem = conv_relu(build, "stem", build.images(), 17);
        const Value a = conv_relu(build, "a", stem, 31), b = conv_relu(build, "b", stem, 40);
        const Value pooled = build.max_pool("pool", stem, {3, 3, 1, 1, {1, 1, 1, 1}});
        const Value c = conv_relu(build, "c", a, 3);
        Value x = build.concatenation("cat", {c, a, b, pooled, a});
        x = build.max_pool("last", x, {});
        return conv_relu(build, "d", x, 16);
    },
    [](Reference& net) {
        const Variable stem = net.conv_relu(net.images(), "stem");
        const Variable a = net.conv_relu(stem, "a"), b = net.conv_relu(stem, "b");
        const Variable x = concatenate({net.conv_relu(a, "c"), a, b, max_pool(stem, 3, 1, 1), a});
        return net.conv_relu(max_pool(x, 2, 2, 0), "d");
    }};

double distance(const std::vector<float>& found, const std::vector<double>& expected) {
    double sum = 0, square = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        sum += std::pow(found[i] - expected[i], 2);
        square += expected[i] * expected[i];
    }
    return std::sqrt(sum / square);
}

class ConcatenationStep : public testing::TestWithParam<Model> {};
INSTANTIATE_TEST_SUITE_P(All, ConcatenationStep, testing::Values(kUNet, kDenseNet, kInception),
                         [](const auto& model) { return std::string(model.param.name); });

TEST_P(ConcatenationStep, IsThatOfTheReference) {
    for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::output_mask, Policy::automatic}) {
        SCOPED_TRACE(to_string(policy));
        Builder build({.image_size = kSize, .classes = kClasses, .kernels = {policy, Choice::tables}});
        build.linear("fc", GetParam().make(build), {.k = kClasses, .has_bias = true});
        train::Network network(std::move(build).finish(), kBatch, 1, 2);
        Reference reference(network);
        for (train::Parameter* parameter : network.parameters()) {
            const std::vector<double>& values = reference.parameter(parameter->name).values;
            parameter->from_file_order(std::vector<float>(values.begin(), values.end()));
        }
        const double loss = reference.backward(reference.logits(GetParam().on_tape(reference)));
        const std::vector<std::int32_t> labels = fixed_labels(kBatch, kClasses);
        const LossResult found = network.compute_gradients(reference.image_values(), {labels});
        EXPECT_NEAR(found.loss, loss, kMostError * loss);
        for (const train::Parameter* parameter : network.parameters()) {
            const std::vector<float> gradient =
                parameter->to_file_order({parameter->gradient.data(), parameter->gradient.size()});
            EXPECT_LE(distance(gradient, reference.gradient(parameter->name)), kMostError) << parameter->name;
        }
    }
}

}  // namespace
}  // namespace sparsetrain::test
