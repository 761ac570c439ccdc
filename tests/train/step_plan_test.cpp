// Plans of a step's memory: of graphs made by hand, of random ones, and of all models.
#include "train/step_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "step_simulation.h"
#include "train/models/models.h"

namespace sparsetrain::train {
namespace {

using Memory = GradientType::Memory;
using Zeros = GradientType::Zeros;
using Then = PlannedContribution::Then;

std::size_t at(int i) {
    return static_cast<std::size_t>(i);
}

// What an operator may declare.
struct Declared {
    std::vector<GradientType> gradients = {};
    bool rectified = false, saves_srcs = false, saves_dst = false, may_overwrite = false;
    std::size_t saved_bytes = 0;
    int channels = 16;
};

// Computes nothing.
class Declaring : public Operator {
  public:
    explicit Declaring(Declared declared)
        : Operator("op", {{declared.channels, 2, 2}, declared.rectified, declared.rectified}),
          declared_(std::move(declared)) {}

    Work work() const override { return Work::layout; }
    bool saves_src(int /*i*/) const override { return declared_.saves_srcs; }
    bool saves_dst() const override { return declared_.saves_dst; }
    bool may_overwrite_src(int /*i*/) const override { return declared_.may_overwrite; }
    std::size_t saved_bytes(int images) const override { return at(images) * declared_.saved_bytes; }
    GradientType gradient_type(int src) const override { return declared_.gradients[at(src)]; }
    void forward(const ForwardCall& /*call*/) override {}
    void backward(const BackwardCall& /*call*/) override {}

  private:
    Declared declared_;
};

class HandMade {
  public:
    Value images() const { return graph.images(); }
    Value add(std::initializer_list<Value> srcs, Declared declared) {
        if (declared.gradients.empty()) declared.gradients.resize(srcs.size());
        return graph.add(std::make_unique<Declaring>(std::move(declared)), srcs);
    }
    // As a convolution without, and batch normalisation with a ReLU.
    Value conv(Value src) {
        return add({src}, {.gradients = {{Memory::own, Zeros::masked_by_src}}, .saves_srcs = true});
    }
    Value norm_relu(Value src) {
        return add({src}, {.gradients = {{Memory::own_or_diff_dst, Zeros::unknown}},
                           .rectified = true,
                           .saves_srcs = true});
    }
    Value norm(Value src) {
        return add({src}, {.gradients = {{Memory::own_or_diff_dst, Zeros::unknown}}, .saves_srcs = true});
    }
    // A residual sum with its ReLU.
    Value add_relu(Value a, Value b) {
        const GradientType same{Memory::is_diff_dst, Zeros::unknown};
        return add({a, b}, {.gradients = {same, same}, .rectified = true, .may_overwrite = true});
    }

    Graph graph{{16, 2, 2}};
};

// The plan, which is to be right.
StepPlan good_plan(const Graph& graph, Mode mode = Mode::training) {
    StepPlan plan = plan_step(graph, 2, mode);
    EXPECT_EQ(test::faults_of(graph, plan, mode), std::vector<std::string>());
    EXPECT_EQ(test::collisions(plan.blocks), 0);
    EXPECT_GE(plan.arena_bytes, peak_of(plan.blocks));
    for (const Block& block : plan.blocks) EXPECT_LE(block.offset + block.bytes, plan.arena_bytes);
    return plan;
}

const PlannedContribution& part(const StepPlan& plan, Value reader, int src) {
    return plan.nodes[at(reader.id - 1)].diff_srcs[at(src)];
}

TEST(StepPlan, GradientsOfAChainNeedNoSum) {
    HandMade made;
    const Value a = made.conv(made.images()), b = made.conv(a), c = made.conv(b);
    const StepPlan plan = good_plan(made.graph);
    EXPECT_FALSE(part(plan, a, 0).wanted) << "nobody needs the gradient of images";
    for (const Value& value : {b, c}) {
        EXPECT_TRUE(part(plan, value, 0).wanted);
        EXPECT_EQ(part(plan, value, 0).then, Then::nothing);
    }
    EXPECT_EQ(plan.nodes[at(c.id - 1)].diff_dst.block, plan.diff_logits);
}

// Where gradients meet they are added, over one of them.
TEST(StepPlan, GradientsOfTwoReadersMeet) {
    HandMade made;
    const Value a = made.conv(made.images()), b = made.conv(a), c = made.conv(a);
    const Value sum = made.add({b, c}, {});
    const StepPlan plan = good_plan(made.graph);
    EXPECT_EQ(part(plan, c, 0).then, Then::nothing);  // backward goes from the last to the first
    const PlannedContribution& second = part(plan, b, 0);
    EXPECT_EQ(second.then, Then::add);
    EXPECT_EQ(second.before.block, part(plan, c, 0).written.block);
    EXPECT_EQ(second.after.block, second.before.block);
    EXPECT_EQ(plan.nodes[at(a.id - 1)].diff_dst.block, second.after.block);
    EXPECT_NE(part(plan, sum, 0).written.block, part(plan, sum, 1).written.block);
}

TEST(StepPlan, AReluThatNobodyAppliedIsAppliedOnce) {
    HandMade made;
    const Value a = made.norm_relu(made.conv(made.images()));
    const Value b = made.add({a}, {.gradients = {{Memory::own, Zeros::unknown}}});
    const Value c = made.norm_relu(b), d = made.conv(c);
    const StepPlan plan = good_plan(made.graph);
    EXPECT_EQ(part(plan, d, 0).then, Then::nothing) << "the convolution has applied it";
    EXPECT_EQ(part(plan, d, 0).written.mask_of, c.id);
    EXPECT_EQ(part(plan, b, 0).then, Then::apply_relu);
    EXPECT_EQ(part(plan, b, 0).after.mask_of, a.id);
    EXPECT_EQ(part(plan, b, 0).after.block, part(plan, b, 0).written.block) << "in place";
}

TEST(StepPlan, AnIdentityShortcutTakesTheGradientAsItIs) {
    HandMade made;
    const Value x = made.norm_relu(made.conv(made.images()));
    const Value h = made.norm_relu(made.conv(x)), sums = made.norm(made.conv(h));
    const Value y = made.add_relu(sums, x);
    made.conv(y);
    const StepPlan plan = good_plan(made.graph);
    const PlannedGradient& diff_dst = plan.nodes[at(y.id - 1)].diff_dst;
    EXPECT_EQ(part(plan, y, 0).after.block, diff_dst.block);
    EXPECT_EQ(part(plan, y, 0).then, Then::nothing);
    // x is a ReLU's, whose backward is applied to the sum of both parts.
    EXPECT_EQ(part(plan, y, 1).then, Then::nothing);
    EXPECT_EQ(part(plan, y, 1).after.block, diff_dst.block);
    // conv(x) is read by the norm before h.
    const Value conv_x{h.id - 1, {}};
    EXPECT_EQ(part(plan, conv_x, 0).then, Then::add);
    EXPECT_TRUE(part(plan, conv_x, 0).after.rectified);
}

TEST(StepPlan, AnIdentityShortcutMayComeFirst) {
    HandMade made;
    const Value x = made.norm_relu(made.conv(made.images()));
    const Value sums = made.norm(made.conv(x));
    made.conv(made.add_relu(x, sums));
    good_plan(made.graph);
}

TEST(StepPlan, ADownsampledShortcutAndItsBlockShareAGradientUntilNobodyNeedsIt) {
    HandMade made;
    const Value x = made.norm_relu(made.conv(made.images()));
    const Value sums = made.norm(made.conv(x)), shortcut = made.norm(made.conv(x));
    const Value y = made.add_relu(sums, shortcut);
    made.conv(y);
    const StepPlan plan = good_plan(made.graph);
    const int shared = plan.nodes[at(y.id - 1)].diff_dst.block;
    EXPECT_EQ(part(plan, y, 0).after.block, shared);
    EXPECT_EQ(part(plan, y, 1).after.block, shared);
    // Backward comes to the shortcut's norm first, when the other still needs what is in the block.
    EXPECT_NE(part(plan, shortcut, 0).written.block, shared);
    EXPECT_EQ(part(plan, sums, 0).written.block, shared) << "not in place though nobody needs it any more";
}

// What is known of zeros stays known, as long as the mask that tells it is there.
TEST(StepPlan, MasksStayWhileAGradientComesWithThem) {
    HandMade made;
    const Value sums = made.norm(made.conv(made.conv(made.images())));
    const Value y = made.add_relu(sums, made.norm(made.conv(made.images())));
    made.conv(y);
    const StepPlan plan = good_plan(made.graph);
    const int nodes = static_cast<int>(plan.nodes.size());
    ASSERT_EQ(plan.nodes[at(sums.id - 1)].diff_dst.mask_of, y.id);
    EXPECT_GE(plan.blocks[at(plan.masks[at(y.id)])].last, 2 * nodes - (sums.id - 1));
}

TEST(StepPlan, ASrcTwiceIsTwoParts) {
    HandMade made;
    const Value a = made.norm_relu(made.conv(made.images()));
    made.conv(made.add_relu(a, a));
    good_plan(made.graph);
}

TEST(StepPlan, InInferenceValuesAreGoneAfterTheirLastReader) {
    HandMade made;
    const Value a = made.conv(made.images()), b = made.conv(a), c = made.conv(b);
    const Value d = made.add({c, a}, {}), e = made.norm(d);
    const StepPlan inference = good_plan(made.graph, Mode::inference), training = good_plan(made.graph);
    const auto last = [](const StepPlan& plan, Value value) {
        return plan.blocks[at(plan.tensors[at(value.id)])].last;
    };
    EXPECT_EQ(last(inference, a), d.id - 1);
    EXPECT_EQ(last(inference, b), c.id - 1);
    EXPECT_EQ(last(inference, d), e.id - 1);
    EXPECT_EQ(last(inference, e), e.id) << "the loss reads the logits";
    EXPECT_EQ(last(training, a), 2 * e.id - (b.id - 1)) << "the backward of its reader";
    EXPECT_EQ(last(training, c), d.id - 1) << "nobody saves it";
    EXPECT_LT(inference.arena_bytes, training.arena_bytes);
}

TEST(StepPlan, AResultIsWrittenOverASrcThatNobodyReadsAgain) {
    HandMade made;
    const Value a = made.add({made.images()}, {.may_overwrite = true});
    const Value b = made.add({a}, {.may_overwrite = true});
    const Value c = made.add({a, b}, {.may_overwrite = true});
    const Value d = made.add({c}, {.may_overwrite = true, .channels = 48});
    const StepPlan plan = good_plan(made.graph);
    const auto block = [&](Value value) { return plan.tensors[at(value.id)]; };
    EXPECT_NE(block(a), block(made.images())) << "whoever trains has the images";
    EXPECT_NE(block(b), block(a)) << "c reads a, too";
    EXPECT_EQ(block(c), block(a));
    EXPECT_NE(block(d), block(c)) << "of another size";
}

// ---- Graphs at random ----------------------------------------------------------------------------------

Declared random_declared(std::mt19937& engine, int srcs, bool same_shape) {
    const auto chance = [&](unsigned percent) { return engine() % 100 < percent; };
    Declared declared{.rectified = chance(40),
                      .saves_srcs = chance(40),
                      .saves_dst = chance(20),
                      .may_overwrite = chance(40),
                      .saved_bytes = chance(20) ? 100U : 0U};
    for (int s = 0; s < srcs; ++s) {
        GradientType type{static_cast<Memory>(engine() % (same_shape ? 3 : 2)),
                          static_cast<Zeros>(engine() % 4)};
        if (type.zeros == Zeros::masked_by_dst && !declared.rectified) type.zeros = Zeros::unknown;
        declared.gradients.push_back(type);
    }
    return declared;
}

Graph random_graph(unsigned seed) {
    std::mt19937 engine(seed);
    HandMade made;
    std::vector<Value> values{made.images()};
    std::vector<Value> unread;
    const auto add = [&](Value a, Value b, bool is_pair) {
        std::erase_if(unread, [&](const Value& v) { return v.id == a.id || (is_pair && v.id == b.id); });
        const int channels = engine() % 4 == 0 ? 48 : 16;
        const auto fits = [&](const Value& v) { return v.type.shape.c == channels; };
        Declared declared = random_declared(engine, is_pair ? 2 : 1, fits(a) && (!is_pair || fits(b)));
        declared.channels = channels;
        values.push_back(is_pair ? made.add({a, b}, declared) : made.add({a}, declared));
        unread.push_back(values.back());
    };
    const auto any = [&] {
        return values[values.size() - 1 - engine() % std::min(values.size(), std::size_t{5})];
    };
    for (int i = 0; i < 12; ++i) add(any(), any(), engine() % 2 == 0);
    while (unread.size() > 1) add(unread[0], unread[1], true);
    made.conv(unread[0]);  // logits are behind no ReLU
    return std::move(made.graph);
}

TEST(StepPlan, OfRandomGraphsIsRight) {
    for (unsigned seed = 0; seed < 2000 && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        const Graph graph = random_graph(seed);
        good_plan(graph);
        good_plan(graph, Mode::inference);
    }
}

// ---- Models --------------------------------------------------------------------------------------------

Graph graph_of(const Model& model, int size) {
    ModelOptions options;
    options.channels = model.channels;
    options.image_size = size;
    options.classes = 10;
    return model.make(options);
}

TEST(StepPlan, OfEveryModelIsRightAndInferenceTakesLess) {
    for (const Model& model : models())
        for (const int more : {0, 13, 32}) {
            SCOPED_TRACE(std::string(model.name) + " " + std::to_string(more));
            const Graph graph = graph_of(model, model.least_image_size + more);
            const StepPlan training = good_plan(graph), inference = good_plan(graph, Mode::inference);
            EXPECT_LT(inference.arena_bytes, training.arena_bytes);
        }
}

TEST(StepPlan, OfEveryModelWastesLittle) {
    for (const Model& model : models()) {
        const StepPlan plan = plan_step(graph_of(model, 64), 4, Mode::training);
        EXPECT_LE(static_cast<double>(plan.arena_bytes), 1.05 * static_cast<double>(peak_of(plan.blocks)))
            << model.name;
    }
}

// ---- The check itself ----------------------------------------------------------------------------------

TEST(StepSimulation, NoticesAReluThatIsMissing) {
    HandMade made;
    const Value a = made.norm_relu(made.conv(made.images()));
    const Value b = made.add({a}, {});
    made.conv(b);
    StepPlan plan = good_plan(made.graph);
    PlannedContribution& of_a = plan.nodes[at(b.id - 1)].diff_srcs[0];
    ASSERT_EQ(of_a.then, Then::apply_relu);
    of_a.then = Then::nothing;
    EXPECT_FALSE(test::faults_of(made.graph, plan, Mode::training).empty());
}

TEST(StepSimulation, NoticesSharedMemoryAndMissingParts) {
    const Graph graph = graph_of(models()[2], 32);
    const StepPlan good = good_plan(graph);
    StepPlan plan = good;
    for (Block& block : plan.blocks) block.offset = 0;
    EXPECT_FALSE(test::faults_of(graph, plan, Mode::training).empty());
    EXPECT_GT(test::collisions(plan.blocks), 0);
    int spoilt = 0, noticed = 0;
    for (std::size_t i = 0; i < good.blocks.size(); ++i) {  // each block ends too early in turn
        plan = good;
        --plan.blocks[i].last;
        noticed += !test::faults_of(graph, plan, Mode::training).empty();
        ++spoilt;
    }
    EXPECT_EQ(noticed, spoilt) << "blocks last longer than they are used";
    for (std::size_t i = 0; i < good.nodes.size(); ++i)
        for (std::size_t s = 0; s < good.nodes[i].diff_srcs.size(); ++s) {
            plan = good;
            PlannedContribution& contribution = plan.nodes[i].diff_srcs[s];
            if (contribution.then != Then::add) continue;
            contribution.then = Then::nothing;
            EXPECT_FALSE(test::faults_of(graph, plan, Mode::training).empty()) << i;
        }
}

}  // namespace
}  // namespace sparsetrain::train
