#include "train/weights_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "safetensors_bytes.h"
#include "temporary_directory.h"
#include "train/models/models.h"
#include "train/safetensors.h"

namespace sparsetrain::train {
namespace {

Graph graph_of(const std::string& model, int size) {
    const Model& made = find_named(models(), model);
    return made.make({.channels = made.channels,
                      .image_size = size,
                      .classes = 10,
                      .kernels = {Policy::automatic, Choice::tables}});
}

Network network_of(const std::string& model, std::uint32_t seed) {
    return {graph_of(model, model == "vgg-small" ? 8 : 32), 2, seed, 1};
}

void train(Network& network, int steps = 1) {
    const ValueShape& shape = network.image_shape();
    std::vector<float> images(static_cast<std::size_t>(2 * shape.c * shape.h * shape.w));
    Random random(9);
    for (float& value : images) value = random.symmetric(1);
    const std::vector<std::int32_t> labels{3, 7};
    for (int i = 0; i < steps; ++i) network.train_step(images, {labels}, {});
}

// What files have, and in momentum what they have not.
struct Contents {
    std::vector<float> values, momentum;
    std::vector<std::int64_t> counts;
    bool operator==(const Contents&) const = default;
};
Contents contents_of(const Network& network) {
    Contents all;
    for (const Parameter* parameter : network.parameters()) {
        all.values.insert(all.values.end(), parameter->value.begin(), parameter->value.end());
        all.momentum.insert(all.momentum.end(), parameter->momentum.begin(), parameter->momentum.end());
    }
    for (const State& state : network.states())
        all.values.insert(all.values.end(), state.values.begin(), state.values.end());
    for (const Counter& counter : network.counters()) all.counts.push_back(*counter.value);
    return all;
}

class WeightsFile : public testing::Test {
  protected:
    const test::TemporaryDirectory directory_;
    const std::filesystem::path path_ = directory_ / "weights.safetensors";
};

TEST_F(WeightsFile, IsReadAsWrittenBitForBit) {
    for (const char* model : {"resnet18", "vgg-small"}) {
        SCOPED_TRACE(model);
        Network written = network_of(model, 1), read = network_of(model, 2);
        train(written, 2);
        train(read);
        const Contents expected = contents_of(written), before = contents_of(read);
        ASSERT_NE(before.values, expected.values);
        save_weights(written, path_);
        load_weights(read, path_);
        const Contents after = contents_of(read);
        EXPECT_EQ(after.values, expected.values);
        EXPECT_EQ(after.counts, expected.counts);
        EXPECT_EQ(after.momentum, before.momentum) << "momentum stays";
        if (std::string(model) == "resnet18") {
            EXPECT_EQ(after.counts, std::vector<std::int64_t>(20, 2));
        }
        const std::filesystem::path again = directory_ / "again.safetensors";
        save_weights(read, again);
        EXPECT_TRUE(test::bytes_of(path_) == test::bytes_of(again));
    }
}

TEST_F(WeightsFile, ANetworkGoesOnFromItAsTheOneThatWroteIt) {
    Network written = network_of("resnet18", 1), read = network_of("resnet18", 2);
    train(written);
    save_weights(written, path_);
    load_weights(read, path_);
    const std::vector<float> images(std::size_t{2} * 3 * 32 * 32, 0.5F);
    const std::vector<std::int32_t> labels{1, 2};
    EXPECT_EQ(read.evaluate(images, labels).loss, written.evaluate(images, labels).loss);
    EXPECT_EQ(read.compute_gradients(images, {labels}).loss,
              written.compute_gradients(images, {labels}).loss);
}

// [K][C][R][S], whatever the layout in memory; running statistics beside it.
TEST_F(WeightsFile, HasTheOrderOfPyTorch) {
    for (const auto& [model, name] :
         {std::pair("resnet18", "layer2.0.conv1.weight"), std::pair("vgg-small", "fc.weight")}) {
        Network network = network_of(model, 1);
        train(network);
        save_weights(network, path_);
        const SafetensorsFile file(path_);
        EXPECT_EQ(file.metadata().at("format"), "pt");
        const TensorEntry& tensor = file.at(name);
        std::vector<float> values(tensor.value_count());
        file.read(tensor, std::span(values));
        const auto found = std::ranges::find(network.parameters(), name, &Parameter::name);
        ASSERT_NE(found, network.parameters().end());
        const Parameter& parameter = **found;
        const WeightsShape& shape = parameter.filters;
        std::size_t i = 0;
        for (int k = 0; k < shape.k; ++k)
            for (int c = 0; c < shape.c; ++c)
                for (int r = 0; r < shape.r; ++r)
                    for (int s = 0; s < shape.s; ++s)
                        ASSERT_EQ(values[i++], parameter.value[shape.offset(k, c, r, s)]);
        EXPECT_EQ(i, values.size());
    }
}

TEST_F(WeightsFile, RunningStatisticsAndTheirCountsTravel) {
    Network network = network_of("resnet18", 1);
    train(network, 3);
    save_weights(network, path_);
    const SafetensorsFile file(path_);
    std::vector<std::int64_t> count(1);
    file.read(file.at("layer1.0.bn2.num_batches_tracked"), std::span(count));
    EXPECT_EQ(count[0], 3);
    EXPECT_EQ(file.at("layer1.0.bn2.num_batches_tracked").shape, std::vector<std::uint64_t>());
    for (const State& state : network.states()) {
        std::vector<float> values(state.values.size());
        file.read(file.at(state.name), std::span(values));
        EXPECT_TRUE(std::ranges::equal(values, state.values)) << state.name;
        const float initial = state.name.ends_with("var") ? 1.0F : 0.0F;
        EXPECT_NE(values[1], initial) << state.name << ": nothing that would have to travel";
    }
}

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

// What PyTorch says that a model has (tests/models).
Shapes shapes_of_pytorch(const std::string& model, const char* what) {
    std::ifstream file(SPARSETRAIN_TORCH_STEPS "/" + model + ".json");
    const nlohmann::json step = nlohmann::json::parse(file);
    Shapes shapes;
    if (!step.contains(what)) return shapes;
    for (const auto& [name, tensor] : step[what].items())
        shapes[name] = tensor["shape"].get<Shapes::mapped_type>();
    return shapes;
}

TEST(Models, HaveTheNamesAndShapesOfPyTorch) {
    for (const Model& model : models()) {
        SCOPED_TRACE(model.name);
        const Graph graph = graph_of(model.name, std::string(model.name) == "vgg-small" ? 28 : 64);
        Shapes parameters, states;
        for (const Graph::Node& node : graph.nodes()) {
            for (const Parameter* parameter : node.op->parameters())
                parameters[parameter->name] = parameter->shape;
            for (const State& state : node.op->states())
                states[state.name] = {static_cast<std::int64_t>(state.values.size())};
        }
        EXPECT_EQ(parameters, shapes_of_pytorch(model.name, "gradients"));
        EXPECT_EQ(states, shapes_of_pytorch(model.name, "buffers"));
    }
}

// ---- Files that do not fit -----------------------------------------------------------------------------

// The tensors of a file, to be changed and written again.
struct Tensors {
    explicit Tensors(const std::filesystem::path& path) {
        const SafetensorsFile file(path);
        for (const TensorEntry& entry : file.tensors()) {
            const auto size = static_cast<std::size_t>(entry.value_count());
            if (entry.dtype == "I64") {
                file.read(entry, std::span(integers[entry.name] = std::vector<std::int64_t>(size)));
            } else {
                file.read(entry, std::span(floats[entry.name] = std::vector<float>(size)));
            }
            shapes[entry.name] = entry.shape;
        }
    }
    void write(const std::filesystem::path& path) const {
        std::vector<TensorToWrite> all;
        for (const auto& [name, values] : floats)
            all.push_back({name, shapes.at(name), std::span<const float>(values)});
        for (const auto& [name, values] : integers)
            all.push_back({name, shapes.at(name), std::span<const std::int64_t>(values)});
        write_safetensors(path, all);
    }
    void erase(const std::string& name) {
        floats.erase(name);
        integers.erase(name);
    }

    std::map<std::string, std::vector<float>> floats;
    std::map<std::string, std::vector<std::int64_t>> integers;
    std::map<std::string, std::vector<std::uint64_t>> shapes;
};

class BadWeights : public WeightsFile {
  protected:
    BadWeights() {
        Network other = network_of("resnet18", 2);
        train(other);
        save_weights(other, path_);
    }
    // Of a file that `change` has made of a good one.
    template <typename Change>
    void expect_refusal(const Change& change, const std::string& what) {
        Tensors tensors(path_);
        change(tensors);
        const std::filesystem::path bad = directory_ / "bad.safetensors";
        tensors.write(bad);
        const Contents before = contents_of(network_);
        test::expect_message(test::error_of([&] { load_weights(network_, bad); }), bad, what);
        EXPECT_TRUE(contents_of(network_) == before) << "something has changed";
    }

    Network network_ = network_of("resnet18", 1);
};

TEST_F(BadWeights, TheSameFileUnchangedIsGood) {
    Tensors(path_).write(directory_ / "good.safetensors");
    EXPECT_NO_THROW(load_weights(network_, directory_ / "good.safetensors"));
}

TEST_F(BadWeights, EveryTensorIsNeeded) {
    for (const char* name :
         {"layer4.1.conv2.weight", "fc.bias", "bn1.running_var", "layer4.1.bn2.num_batches_tracked"})
        expect_refusal([&](Tensors& tensors) { tensors.erase(name); }, name);
}

TEST_F(BadWeights, ATensorThatIsNoneOfTheNetworksIsNamed) {
    expect_refusal(
        [](Tensors& tensors) {
            tensors.floats["fc2.weight"] = {1, 2};
            tensors.shapes["fc2.weight"] = {2};
        },
        "tensor fc2.weight: the network has none of that name");
}

TEST_F(BadWeights, OtherShapesAreNamed) {
    expect_refusal(
        [](Tensors& tensors) {
            tensors.shapes["conv1.weight"] = {64, 7, 7, 3};
        },
        "tensor conv1.weight: shape [64,7,7,3], expected [64,3,7,7]");
    expect_refusal(
        [](Tensors& tensors) {
            tensors.shapes["fc.weight"] = {512, 10};
        },
        "tensor fc.weight: shape [512,10], expected [10,512]");
    expect_refusal(
        [](Tensors& tensors) {
            tensors.shapes["fc.bias"] = {10, 1};
        },
        "tensor fc.bias: shape [10,1], expected [10]");
    expect_refusal(
        [](Tensors& tensors) {
            tensors.shapes["bn1.running_mean"] = {1, 64};
        },
        "tensor bn1.running_mean: shape [1,64], expected [64]");
    expect_refusal([](Tensors& tensors) { tensors.shapes["bn1.num_batches_tracked"] = {1}; },
                   "tensor bn1.num_batches_tracked: shape [1], expected []");
}

TEST_F(BadWeights, OtherTypesAreNamed) {
    expect_refusal(
        [](Tensors& tensors) {
            tensors.erase("fc.bias");
            tensors.integers["fc.bias"] = std::vector<std::int64_t>(10);
        },
        R"(tensor "fc.bias", I64 [10]: found dtype I64, expected F32)");
    expect_refusal(
        [](Tensors& tensors) {
            tensors.erase("bn1.num_batches_tracked");
            tensors.floats["bn1.num_batches_tracked"] = {1};
        },
        R"(tensor "bn1.num_batches_tracked", F32 []: found dtype F32, expected I64)");
}

TEST_F(BadWeights, AnotherModelsFileAndNoFileAreRefused) {
    const Contents before = contents_of(network_);
    save_weights(network_of("vgg-small", 1), path_);
    test::expect_message(test::error_of([&] { load_weights(network_, path_); }), path_, "conv1.weight");
    const std::filesystem::path none = directory_ / "none.safetensors";
    test::expect_message(test::error_of([&] { load_weights(network_, none); }), none, "cannot be opened");
    test::write_bytes(path_, "no safetensors");
    test::expect_message(test::error_of([&] { load_weights(network_, path_); }), path_, "");
    EXPECT_TRUE(contents_of(network_) == before);
}

}  // namespace
}  // namespace sparsetrain::train
