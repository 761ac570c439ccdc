#include "small_graphs.h"

namespace sparsetrain::test {
namespace {

using namespace train;

std::shared_ptr<Parameter> scalar(const char* name, float value) {
    return std::make_shared<Parameter>(Parameter::vector(name, 1, {Initial::Kind::constant, value}));
}

Value conv(Graph& graph, const char* name, const Value& src, int k, int filter, int stride,
           const KernelOptions& kernels) {
    return add<Convolution>(graph, name, src,
                            ConvolutionOptions{.k = k,
                                               .filter = filter,
                                               .stride = stride,
                                               .padding = filter / 2,
                                               .weights = normal(0.2F),
                                               .kernels = kernels});
}

Value normalised_block(Graph& graph, const Value& src, const KernelOptions& kernels) {
    const Value sums = conv(graph, "a.conv1", src, 36, 3, 2, kernels);
    const Value first = add<BatchNormalisation>(graph, "a.bn1", sums, true);
    const Value second = conv(graph, "a.conv2", first, 36, 3, 1, kernels);
    const Value down = conv(graph, "a.downsample.0", src, 36, 1, 2, kernels);
    const Value shortcut = add<BatchNormalisation>(graph, "a.downsample.1", down, false);
    return graph.add(std::make_unique<BatchNormalisation>("a.bn2", second, shortcut), {second, shortcut});
}

Value shifted_block(Graph& graph, const Value& src, const KernelOptions& kernels) {
    const auto shifted = [&](const char* name, const Value& from, int filter, bool has_relu,
                             ScalarParameters scalars) {
        return add<ShiftedConvolution>(graph, name, from,
                                       ConvolutionOptions{.k = 36,
                                                          .filter = filter,
                                                          .padding = filter / 2,
                                                          .has_relu = has_relu,
                                                          .weights = normal(0.1F),
                                                          .kernels = kernels},
                                       std::move(scalars));
    };
    const auto before = scalar("b.before", 0.1F);
    const Value first =
        shifted("b.conv1", src, 3, true, {before, scalar("b.scale1", 1.5F), scalar("b.after1", 0.05F)});
    const Value second =
        shifted("b.conv2", first, 1, false, {before, scalar("b.scale2", 0.5F), scalar("b.after2", -0.1F)});
    return graph.add(std::make_unique<AddRelu>("b.add", second, src), {second, src});
}

}  // namespace

Graph concatenations(const KernelOptions& kernels) {
    Graph graph(kImages);
    const auto conv_relu = [&](const char* name, const Value& src, int k, const KernelOptions& its_kernels) {
        return add<Convolution>(graph, name, src,
                                ConvolutionOptions{.k = k,
                                                   .has_bias = true,
                                                   .has_relu = true,
                                                   .weights = normal(0.15F),
                                                   .kernels = its_kernels});
    };
    const auto concatenation = [&](const char* name, const std::vector<Value>& parts) {
        return graph.add(std::make_unique<Concatenation>(name, parts), parts);
    };
    const Value skipped = conv_relu("conv1", graph.images(), 20, Policy::dense);
    Value value = add<MaxPool>(graph, "maxpool", skipped, PoolWindow{});
    value = add<BatchNormalisation>(graph, "bn", conv(graph, "conv2", value, 36, 3, 1, kernels), true);
    value = add<AdaptiveAveragePool>(graph, "up", value, kImages.h, kImages.w);
    value = concatenation("beside", {value, skipped, graph.images()});
    const Value first = conv_relu("conv3", value, 24, kernels);
    const Value second = concatenation("dense1", {first, conv_relu("conv4", first, 12, kernels)});
    const Value third = concatenation("dense2", {conv_relu("conv5", second, 12, kernels), second});
    value = add<MaxPool>(graph, "last", third, PoolWindow{});
    linear(graph, value, {.k = kClasses, .has_bias = true, .weights = normal(0.05F), .kernels = kernels});
    return graph;
}

Graph every_operator(const KernelOptions& kernels) {
    Graph graph(kImages);
    Value value = conv(graph, "conv1", graph.images(), 20, 3, 1, Policy::dense);
    value = add<BatchNormalisation>(graph, "bn1", value, true);
    value = add<MaxPool>(graph, "maxpool", value, PoolWindow{3, 3, 1, 1, {1, 1, 1, 1}});
    value = shifted_block(graph, normalised_block(graph, value, kernels), kernels);
    value = add<AdaptiveAveragePool>(graph, "adaptive", value, 3, 3);
    const Value features = add<Features>(graph, "features", value);
    value = add<Convolution>(
        graph, "hidden", features,
        ConvolutionOptions{
            .k = 40, .has_bias = true, .has_relu = true, .weights = normal(0.1F), .kernels = kernels},
        value.type.shape);
    value = add<Dropout>(graph, "dropout", value, 0.3F, std::uint64_t{7});
    add<ShiftedConvolution>(
        graph, "fc", value,
        ConvolutionOptions{.k = kClasses, .has_bias = true, .weights = normal(0.2F), .kernels = kernels},
        ScalarParameters{scalar("fc.before", 0.2F), nullptr, nullptr}, ValueShape{40, 1, 1});
    return graph;
}

}  // namespace sparsetrain::test
