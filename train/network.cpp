#include "train/network.h"

#include <algorithm>
#include <string>
#include <utility>

#include "checks.h"
#include "sparsetrain/join.h"
#include "sparsetrain/layout.h"
#include "sparsetrain/linear.h"
#include "sparsetrain/relu.h"
#include "targets.h"

namespace sparsetrain::train {

namespace {

std::size_t at(int i) {
    return static_cast<std::size_t>(i);
}

// Every other result is read: who computes it would get no gradient.
void check_results_are_read(const Graph& graph) {
    std::vector<bool> is_read(at(graph.values()));
    for (const Graph::Node& node : graph.nodes())
        for (const int src : node.srcs) is_read[at(src)] = true;
    for (std::size_t i = 0; i + 1 < graph.nodes().size(); ++i)
        if (!is_read[i + 1])
            detail::throw_invalid("Network", "graph",
                                  "a reader for the result of every operator but the last",
                                  "none for that of " + graph.nodes()[i].op->name());
}

const ValueType& checked_logits(const Graph& graph) {
    if (graph.nodes().empty()) detail::throw_invalid("Network", "operators", "at least one", "none");
    check_results_are_read(graph);
    const ValueType& logits = graph.type_of(graph.values() - 1);
    if (!logits.shape.images_are_pixels || logits.rectified)
        detail::throw_invalid("Network", "logits", "features, not behind a ReLU",
                              detail::to_text(logits.shape.of(1)) + (logits.rectified ? ", behind one" : ""));
    return logits;
}

MemoryPlan memory_of_plans(const Graph& graph, const StepPlan& training, const StepPlan& inference,
                           int images, int threads) {
    MemoryPlan memory;
    memory.arena = std::max(training.arena_bytes, inference.arena_bytes);
    for (const Parameter* parameter : parameters_of(graph)) memory.parameters += parameter->bytes();
    for (const Graph::Node& node : graph.nodes()) {
        memory.parameters += node.op->own_bytes();
        if (const auto* convolution = dynamic_cast<const Convolution*>(node.op.get())) {
            memory.packed = std::max(memory.packed, convolution->packed_bytes());
            memory.scratch = std::max(memory.scratch, convolution->plan(images).scratch_bytes(threads));
        }
    }
    return memory;
}

}  // namespace

MemoryPlan memory_of(const Graph& graph, int images, int threads) {
    return memory_of_plans(graph, plan_step(graph, images, Mode::training),
                           plan_step(graph, images, Mode::inference), images, threads);
}

Network::Network(Graph graph, int most_images, std::uint32_t seed, int threads)
    : graph_(std::move(graph)), most_images_(most_images), workspace_(threads) {
    const int classes = checked_logits(graph_).shape.c;
    detail::check_at_least("Network", "most_images", 1, most_images);
    training_ = plan_step(graph_, most_images, Mode::training);
    inference_ = plan_step(graph_, most_images, Mode::inference);
    memory_ = memory_of_plans(graph_, training_, inference_, most_images, threads);
    arena_ = AlignedArray<std::uint8_t>(memory_.arena);
    set_bits_ = std::make_unique<std::atomic<std::int64_t>[]>(
        std::max(training_.blocks.size(), inference_.blocks.size()));
    logits_ = Tensor({most_images, classes, 1, 1});
    diff_logits_ = Tensor(logits_.shape());
    Random random(seed);
    parameters_ = parameters_of(graph_);
    for (Parameter* parameter : parameters_) parameter->allocate(random);
    for (const Graph::Node& node : graph_.nodes()) {
        node.op->parameters_allocated();
        const auto* convolution = dynamic_cast<const Convolution*>(node.op.get());
        if (convolution != nullptr && !convolution->is_linear()) convolutions_.push_back(convolution);
    }
}

int Network::classes() const {
    return logits_.shape().c;
}

std::vector<State> Network::states() const {
    std::vector<State> all;
    for (const Graph::Node& node : graph_.nodes())
        std::ranges::move(node.op->states(), std::back_inserter(all));
    return all;
}

std::vector<Counter> Network::counters() const {
    std::vector<Counter> all;
    for (const Graph::Node& node : graph_.nodes())
        std::ranges::move(node.op->counters(), std::back_inserter(all));
    return all;
}

// ---- Memory of a step ----------------------------------------------------------------------------------

TensorView Network::tensor(int block, int value, const Step& step) {
    std::uint8_t* memory = arena_.data() + step.plan.blocks[at(block)].offset;
    return {reinterpret_cast<float*>(memory), graph_.type_of(value).shape.of(step.context.images)};
}

MaskView Network::mask(int value, const Step& step) {
    return mask_in(step.plan.masks[at(value)], value, step);
}

MaskView Network::mask_in(int block, int value, const Step& step) {
    if (block == kNoBlock) return {};
    std::uint8_t* memory = arena_.data() + step.plan.blocks[at(block)].offset;
    return {reinterpret_cast<std::uint16_t*>(memory), graph_.type_of(value).shape.of(step.context.images),
            &set_bits_[at(block)]};
}

Activation Network::activation(int value, const Step& step, bool has_tensor) {
    Activation activation{{}, mask(value, step), graph_.type_of(value).rectified};
    activation.tensor = tensor(step.plan.tensors[at(value)], value, step);
    if (!has_tensor) activation.tensor.data = nullptr;
    return activation;
}

SparseInput Network::gradient(const PlannedGradient& planned, int value, const Step& step) {
    SparseInput gradient{tensor(planned.block, value, step), mask_in(planned.mask_block, value, step)};
    if (planned.mask_of >= 0) gradient.mask = mask(planned.mask_of, step);
    return gradient;
}

std::span<std::uint8_t> Network::saved(int node, const Step& step) {
    const int block = step.plan.nodes[at(node)].saved;
    if (block == kNoBlock) return {};
    return {arena_.data() + step.plan.blocks[at(block)].offset,
            graph_.nodes()[at(node)].op->saved_bytes(step.context.images)};
}

// ---- A forward by hand ---------------------------------------------------------------------------------

Network::Forward::Forward(Network& network, std::span<const float> images, int count)
    : network_(network),
      images_(network.checked_images("Network::Forward", images, static_cast<std::size_t>(count))) {
    Step step = network_.silent_step(images_);
    network_.take_images(images, step);
}

void Network::Forward::run(int first, int last) {
    Step step = network_.silent_step(images_);
    for (int node = first; node <= last; ++node) network_.run_forward(node, step);
}

ConstTensorView Network::Forward::result(int node) const {
    const Step step = network_.silent_step(images_);
    return network_.tensor(step.plan.tensors[at(node + 1)], node + 1, step);
}

Network::Step Network::silent_step(int images) {
    return {training_,
            {.workspace = workspace_, .images = images, .mode = Mode::training, .updates_state = false}};
}

// ---- A step --------------------------------------------------------------------------------------------

int Network::checked_images(const char* function, std::span<const float> images, std::size_t labels) const {
    if (labels < 1 || labels > at(most_images_))
        detail::throw_invalid(function, "labels", "1 to " + std::to_string(most_images_),
                              std::to_string(labels));
    const ValueShape& shape = image_shape();
    detail::check_count(function, "images", labels * at(shape.c) * at(shape.h) * at(shape.w), images.size());
    return static_cast<int>(labels);
}

LossResult Network::train_step(std::span<const float> images, const StepTargets& targets, const Sgd& sgd) {
    times_ = StepTimes(threads());
    const LossResult result = forward_and_backward(
        "Network::train_step", images, targets,
        {.workspace = workspace_, .mode = Mode::training, .times = &times_, .watch = watch_});
    update(sgd);
    return result;
}

LossResult Network::compute_gradients(std::span<const float> images, const StepTargets& targets,
                                      ConvolutionWatch* watch) {
    return forward_and_backward(
        "Network::compute_gradients", images, targets,
        {.workspace = workspace_, .mode = Mode::training, .updates_state = false, .watch = watch});
}

LossResult Network::evaluate(std::span<const float> images, std::span<const std::int32_t> labels) {
    Step step{inference_, {.workspace = workspace_, .mode = Mode::inference, .updates_state = false}};
    step.context.images = checked_images("Network::evaluate", images, labels.size());
    forward(images, step);
    return loss_of_logits({.labels = labels}, step);
}

LossResult Network::forward_and_backward(const char* function, std::span<const float> images,
                                         const StepTargets& targets, RunContext context) {
    context.images = checked_images(function, images, targets.labels.size());
    check_training(function, targets, context.images);
    Step step{training_, context};
    forward(images, step);
    const LossResult result = loss_of_logits(targets, step);
    backward(step);
    return result;
}

// Before anything changes: running statistics would by a step that fails later.
void Network::check_training(const char* function, const StepTargets& targets, int images) const {
    detail::check_targets(function, targets.of_loss(), {images, classes(), 1, 1});
    for (const Graph::Node& node : graph_.nodes())
        if (const int least = node.op->least_images_to_train(); images < least)
            detail::throw_invalid(function, "images",
                                  "at least " + std::to_string(least) + ", as " + node.op->name() + " needs",
                                  std::to_string(images));
}

void Network::take_images(std::span<const float> images, Step& step) {
    const ScopedTime time(step.context.times, Work::layout);
    nchw_to_nchw16c(images.data(), tensor(step.plan.tensors[0], 0, step), workspace_);
}

void Network::forward(std::span<const float> images, Step& step) {
    take_images(images, step);
    for (int i = 0; i < static_cast<int>(graph_.nodes().size()); ++i) run_forward(i, step);
}

void Network::run_forward(int i, Step& step) {
    const Graph::Node& node = graph_.nodes()[at(i)];
    std::vector<Activation> srcs;
    for (const int src : node.srcs) srcs.push_back(activation(src, step, true));
    const MaskView dst_mask = mask(i + 1, step);
    dst_mask.mark_changed();
    const ScopedTime time(node.op->work() == Work::convolution_fwd ? nullptr : step.context.times,
                          node.op->work());
    node.op->forward(
        {srcs, tensor(step.plan.tensors[at(i + 1)], i + 1, step), dst_mask, saved(i, step), step.context});
}

// The loss, and in training the gradient of the logits, which are features here and images there.
LossResult Network::loss_of_logits(const StepTargets& targets, Step& step) {
    const ScopedTime time(step.context.times, Work::loss);
    const int value = graph_.values() - 1;
    TensorView logits = logits_.view(), diff_logits = diff_logits_.view();
    logits.shape.n = diff_logits.shape.n = step.context.images;
    picture_to_images(tensor(step.plan.tensors[at(value)], value, step), logits, {}, workspace_);
    const LossResult result = softmax_cross_entropy(logits, targets.of_loss(), diff_logits, workspace_);
    if (step.context.mode == Mode::training)
        images_to_picture(diff_logits, tensor(step.plan.diff_logits, value, step), {}, workspace_);
    return result;
}

void Network::backward(Step& step) {
    for (int i = static_cast<int>(graph_.nodes().size()) - 1; i >= 0; --i) run_backward(i, step);
}

void Network::run_backward(int i, Step& step) {
    const Graph::Node& node = graph_.nodes()[at(i)];
    const PlannedNode& planned = step.plan.nodes[at(i)];
    std::vector<Activation> srcs;
    std::vector<Gradient> diff_srcs;
    for (int s = 0; s < static_cast<int>(node.srcs.size()); ++s) {
        const int src = node.srcs[at(s)];
        const PlannedContribution& contribution = planned.diff_srcs[at(s)];
        srcs.push_back(activation(src, step, node.op->saves_src(s)));
        Gradient diff_src;
        if (contribution.wanted && node.op->gradient_type(s).memory != GradientType::Memory::is_diff_dst) {
            diff_src.tensor = tensor(contribution.written.block, src, step);
            diff_src.mask = mask_in(contribution.written.mask_block, src, step);
        }
        diff_srcs.push_back(diff_src);
    }
    {
        const ScopedTime time(node.op->work() == Work::convolution_fwd ? nullptr : step.context.times,
                              node.op->work());
        node.op->backward({srcs, activation(i + 1, step, node.op->saves_dst()),
                           gradient(planned.diff_dst, i + 1, step), diff_srcs, saved(i, step), step.context});
    }
    for (int s = 0; s < static_cast<int>(node.srcs.size()); ++s)
        finish_gradient(node.srcs[at(s)], planned.diff_srcs[at(s)], step);
}

void Network::finish_gradient(int value, const PlannedContribution& planned, Step& step) {
    if (!planned.wanted || planned.then == PlannedContribution::Then::nothing) return;
    const ScopedTime time(step.context.times, Work::join);
    const ConstTensorView written = tensor(planned.written.block, value, step);
    const TensorView after = tensor(planned.after.block, value, step);
    const ConstMaskView relu_mask =
        graph_.type_of(value).rectified ? ConstMaskView(mask(value, step)) : ConstMaskView();
    if (planned.then == PlannedContribution::Then::apply_relu) {
        relu_backward(written, relu_mask, after, workspace_);
    } else {
        add_gradients(tensor(planned.before.block, value, step), written, relu_mask, after, workspace_);
    }
}

void Network::update(const Sgd& sgd) {
    const ScopedTime time(&times_, Work::sgd);
    for (Parameter* parameter : parameters_) {
        Sgd own = sgd;
        own.learning_rate *= parameter->rate;
        if (!parameter->decayed) own.weight_decay = 0;
        const auto all = [](AlignedArray<float>& array) { return std::span(array.data(), array.size()); };
        sgd_step(all(parameter->value), all(parameter->gradient), all(parameter->momentum), own, workspace_);
    }
}

}  // namespace sparsetrain::train
