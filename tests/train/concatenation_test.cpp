// Concatenation as an operator of graphs: what it declares, and in which memory steps with it are.
#include "train/operators/concatenation.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "small_graphs.h"
#include "step_simulation.h"

namespace sparsetrain::test {
namespace {

using train::Concatenation;
using train::GradientType;
using train::Mode;
using train::Value;
using train::ValueShape;

Value value_of(const ValueShape& shape, bool has_mask = false, bool rectified = false) {
    return {1, {shape, has_mask, rectified}};
}

const Value kPlain = value_of({5, 4, 3}), kMasked = value_of({7, 4, 3}, true),
            kRectified = value_of({16, 4, 3}, true, true);

TEST(Concatenation, HasTheChannelsOfItsParts) {
    EXPECT_EQ(Concatenation("one", {kPlain}).result().shape, kPlain.type.shape);
    EXPECT_EQ(Concatenation("three", {kPlain, kRectified, kMasked}).result().shape, (ValueShape{28, 4, 3}));
    const Value features = value_of({10, 1, 1, true});
    EXPECT_EQ(Concatenation("features", {features, features}).result().shape, (ValueShape{20, 1, 1, true}));
}

TEST(Concatenation, IsRectifiedIfAPartIsAndHasAMaskIfAPartHas) {
    struct Expected {
        std::vector<Value> parts;
        bool has_mask, rectified;
    };
    for (const Expected& expected :
         {Expected{{kRectified, kRectified}, true, true}, Expected{{kRectified, kMasked}, true, true},
          Expected{{kPlain, kRectified}, true, true}, Expected{{kPlain, kMasked}, true, false},
          Expected{{kPlain, kPlain}, false, false}}) {
        const Concatenation whole("whole", expected.parts);
        EXPECT_EQ(whole.result().has_mask, expected.has_mask);
        EXPECT_EQ(whole.result().rectified, expected.rectified);
        for (const int src : {0, 1}) {
            const bool rectified = expected.parts[static_cast<std::size_t>(src)].type.rectified;
            EXPECT_EQ(whole.gradient_type(src).zeros,
                      rectified ? GradientType::Zeros::own_mask : GradientType::Zeros::unknown);
        }
    }
}

// Of values that are `rectified` or not, of 16 channels each and with one bit in every word of their masks.
std::vector<std::uint16_t> words_of_whole(const std::vector<bool>& rectified) {
    const Shape shape{1, kLanes, 1, 1};
    const Tensor tensor(shape);
    Mask mask(shape);
    mask.view().data[0] = 4;
    std::vector<Value> parts;
    std::vector<train::Activation> srcs;
    for (const bool one : rectified) {
        parts.push_back(value_of({kLanes, 1, 1}, true, one));
        srcs.push_back({tensor.view(), mask.view(), one});
    }
    Concatenation concatenation("whole", parts);
    Tensor whole(concatenation.result().shape.of(1));
    Mask whole_mask(whole.shape());
    Workspace workspace;
    train::RunContext context{.workspace = workspace, .images = 1};
    concatenation.forward({srcs, whole.view(), whole_mask.view(), {}, context});
    return {whole_mask.words().begin(), whole_mask.words().end()};
}

// A mask that says where values are zero, and not where gradients pass, must not become a ReLU's.
TEST(Concatenation, BesideRectifiedPartsAllBitsOfOthersAreSet) {
    EXPECT_EQ(words_of_whole({true, true}), (std::vector<std::uint16_t>{4, 4}));
    EXPECT_EQ(words_of_whole({true, false}), (std::vector<std::uint16_t>{4, 0xffff}));
    EXPECT_EQ(words_of_whole({false, true}), (std::vector<std::uint16_t>{0xffff, 4}));
    EXPECT_EQ(words_of_whole({false, false}), (std::vector<std::uint16_t>{4, 4}));
}

TEST(Concatenation, ErrorsNameWhatIsWrong) {
    constexpr ErrorCode kInvalid = ErrorCode::invalid_argument;
    expect_error(kInvalid, {"Concatenation", "parts", "at least one", "none"},
                 [] { Concatenation("c", {}); });
    expect_error(kInvalid, {"Concatenation", "parts", "C9 H4 W3", "C9 H3 W4"}, [] {
        Concatenation("c", {kPlain, value_of({9, 3, 4})});
    });
    expect_error(kInvalid, {"Concatenation", "parts", "N2 C10 H1 W1", "N1 C10 H1 W2"}, [] {
        Concatenation("c", {value_of({10, 1, 1}), value_of({10, 1, 1, true})});
    });
}

TEST(Concatenation, StepsHaveTheMemoryThatTheyNeed) {
    const train::Graph graph = concatenations(Policy::dense);
    for (const Mode mode : {Mode::training, Mode::inference}) {
        const train::StepPlan plan = train::plan_step(graph, kBatch, mode);
        EXPECT_EQ(faults_of(graph, plan, mode), std::vector<std::string>());
        EXPECT_EQ(collisions(plan.blocks), 0);
    }
}

// Behind a max pool a gradient has more zeros than the ReLU left: parts know them.
TEST(Concatenation, GradientsOfPartsHaveTheZerosOfThatOfTheWhole) {
    using train::Convolution;
    class Watch : public train::ConvolutionWatch {
      public:
        void passed(const Convolution& convolution, const train::PassCall& call) override {
            if (call.pass != Pass::bwd_weights || convolution.is_linear()) return;
            ASSERT_TRUE(call.diff_dst->mask) << convolution.name();
            const ConstMaskView mask = call.diff_dst->mask;
            std::int64_t bits = 0, values = 0;
            for (std::size_t i = 0; i < mask.shape.elements(); ++i) {
                const bool is_set = (mask.data[i / kLanes] >> (i % kLanes) & 1) != 0;
                bits += is_set;
                values += call.diff_dst->tensor.data[i] != 0;
                EXPECT_TRUE(is_set || call.diff_dst->tensor.data[i] == 0);
            }
            EXPECT_GT(values, 0) << convolution.name();
            EXPECT_EQ(bits, values) << convolution.name();
            EXPECT_EQ(*mask.set_bits, bits) << convolution.name();
            ++watched;
        }
        int watched = 0;
    };
    train::Graph graph(kImages);
    const auto conv_relu = [&](const char* name, int k) {
        return add<Convolution>(graph, name, graph.images(),
                                train::ConvolutionOptions{.k = k, .has_relu = true, .weights = normal(0.3F)});
    };
    const std::vector<Value> parts = {conv_relu("a", 20), conv_relu("b", 7), conv_relu("c", 16)};
    const Value whole = graph.add(std::make_unique<Concatenation>("whole", parts), parts);
    linear(graph, add<train::MaxPool>(graph, "pool", whole, PoolWindow{}),
           {.k = kClasses, .weights = normal(0.05F)});
    train::Network network(std::move(graph), kBatch, 1, 2);
    const Batch batch = random_batch();
    Watch watch;
    network.compute_gradients(batch.images, batch.targets(), &watch);
    EXPECT_EQ(watch.watched, 3);
}

}  // namespace
}  // namespace sparsetrain::test
