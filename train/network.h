// A graph with memory: softmax cross-entropy at its end, training steps of SGD, evaluation.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sparsetrain/loss.h"
#include "sparsetrain/sgd.h"
#include "train/graph.h"
#include "train/operators/convolution.h"
#include "train/step_plan.h"

namespace sparsetrain::train {

// The memory of a network with batches of at most `images`, in bytes.
struct MemoryPlan {
    std::size_t arena = 0;       // activations, gradients, masks, what operators save
    std::size_t parameters = 0;  // with gradients and momentum
    std::size_t packed = 0;      // weights as kernels read them
    std::size_t scratch = 0;     // of kernels while they run

    std::size_t total() const { return arena + parameters + packed + scratch; }
};

// Of a graph that has no memory yet.
MemoryPlan memory_of(const Graph& graph, int images, int threads);

// What the images of a step should be.
struct StepTargets {
    std::span<const std::int32_t> labels;
    std::span<const std::int32_t> other_labels = {};  // of mixup, see loss.h
    float weight = 1;
    float smoothing = 0;

    Targets of_loss() const { return {labels, other_labels, weight, smoothing}; }
};

// One arena holds all that a step needs between its operators, where the plan of the graph says. Sums are in
// a fixed order, so that a run can be repeated exactly (under Choice::tables).
class Network {
  public:
    // Batches have at most `most_images`; initial parameters follow from the seed alone. The graph's last
    // result is logits: features, one per class. Throws Error(invalid_argument) for an empty graph, another
    // last result, results that nobody reads, fewer images or threads than 1; std::bad_alloc.
    Network(Graph graph, int most_images, std::uint32_t seed, int threads);

    // One step of SGD. `images` is float [n][C][H][W]; n, 1 to most_images(), is the number of labels, from 0
    // to classes() - 1. Throws Error(invalid_argument), and changes nothing, for other sizes or labels, and
    // for a batch in which batch normalisation would have one value of a channel.
    LossResult train_step(std::span<const float> images, const StepTargets& targets, const Sgd& sgd);

    // The same without the update of anything: gradients of parameters are set, and `watch`, if there is one,
    // sees every pass of every convolution.
    LossResult compute_gradients(std::span<const float> images, const StepTargets& targets,
                                 ConvolutionWatch* watch = nullptr);

    // Loss and correct predictions of 1 to most_images() images. Changes no parameter.
    LossResult evaluate(std::span<const float> images, std::span<const std::int32_t> labels);

    // After values of parameters were changed by hand, as by a file of weights, nothing needs to be called.
    std::span<Parameter* const> parameters() { return parameters_; }
    std::span<const Parameter* const> parameters() const { return {parameters_.data(), parameters_.size()}; }
    std::vector<State> states() const;
    std::vector<Counter> counters() const;
    std::span<const Convolution* const> convolutions() const { return convolutions_; }

    // A forward of compute_gradients, of which the caller says what runs when. It ends with the next step.
    class Forward {
      public:
        // Of `count` images. Throws as train_step does.
        Forward(Network& network, std::span<const float> images, int count);
        // Nodes `first` to `last`, all of whose srcs have been computed.
        void run(int first, int last);
        ConstTensorView result(int node) const;

      private:
        Network& network_;
        int images_;
    };

    const Graph& graph() const { return graph_; }
    const MemoryPlan& memory() const { return memory_; }
    // Of the last train_step.
    const StepTimes& times() const { return times_; }
    int classes() const;
    int most_images() const { return most_images_; }
    int threads() const { return workspace_.threads(); }
    const ValueShape& image_shape() const { return graph_.type_of(0).shape; }
    // Sees every pass of the train_steps that follow; null: nobody.
    void set_watch(ConvolutionWatch* watch) { watch_ = watch; }

  private:
    struct Step {
        const StepPlan& plan;
        RunContext context;
    };
    void check_training(const char* function, const StepTargets& targets, int images) const;
    int checked_images(const char* function, std::span<const float> images, std::size_t labels) const;
    LossResult forward_and_backward(const char* function, std::span<const float> images,
                                    const StepTargets& targets, RunContext context);
    Step silent_step(int images);
    void take_images(std::span<const float> images, Step& step);
    void forward(std::span<const float> images, Step& step);
    void backward(Step& step);
    void run_forward(int node, Step& step);
    void run_backward(int node, Step& step);
    void finish_gradient(int value, const PlannedContribution& planned, Step& step);
    LossResult loss_of_logits(const StepTargets& targets, Step& step);
    void update(const Sgd& sgd);

    TensorView tensor(int block, int value, const Step& step);
    MaskView mask(int value, const Step& step);
    MaskView mask_in(int block, int value, const Step& step);
    std::span<std::uint8_t> saved(int node, const Step& step);
    Activation activation(int value, const Step& step, bool has_tensor);
    SparseInput gradient(const PlannedGradient& planned, int value, const Step& step);

    Graph graph_;
    int most_images_;
    Workspace workspace_;
    StepPlan training_, inference_;
    MemoryPlan memory_;
    AlignedArray<std::uint8_t> arena_;
    // Of the masks in blocks, by block.
    std::unique_ptr<std::atomic<std::int64_t>[]> set_bits_;
    Tensor logits_, diff_logits_;  // [N][classes][1][1]
    std::vector<const Convolution*> convolutions_;
    std::vector<Parameter*> parameters_;
    StepTimes times_;
    ConvolutionWatch* watch_ = nullptr;
};

}  // namespace sparsetrain::train
