// Batch normalisation, by itself, with the ReLU behind it, or with a residual sum and its ReLU.
#pragma once

#include <optional>

#include "sparsetrain/batch_norm.h"
#include "train/operator.h"

namespace sparsetrain::train {

class BatchNormalisation : public Operator {
  public:
    // `src` alone, with or without a ReLU; or ReLU(norm(src) + addend), where srcs are src and addend.
    // Parameters, running statistics and their count are called as PyTorch calls them: name + ".weight" ...
    // Throws Error(invalid_argument) for an addend of another shape, and for images, which have no gradient.
    BatchNormalisation(const std::string& name, const Value& src, bool has_relu);
    BatchNormalisation(const std::string& name, const Value& src, const Value& addend);

    Work work() const override { return Work::batch_norm; }
    bool saves_src(int i) const override { return i == 0; }
    // Inference saves nothing, and may work in place.
    bool may_overwrite_src(int /*i*/) const override { return true; }
    GradientType gradient_type(int src) const override;
    // A variance is of two values at least.
    int least_images_to_train() const override {
        return result().shape.h * result().shape.w > 1 && !result().shape.images_are_pixels ? 1 : 2;
    }
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;
    std::vector<Parameter*> parameters() override { return {&scale_, &shift_}; }
    Parameter* shift() override { return &shift_; }
    std::vector<State> states() override;
    std::vector<Counter> counters() override;

    static constexpr float kEpsilon = 1e-5F, kMomentum = 0.1F;

  private:
    enum class Form { plain, relu, add_relu };
    BatchNormalisation(const std::string& name, const ValueType& src, Form form);
    void find_statistics(ConstTensorView src, const RunContext& context);
    BatchNorm norm(Mode mode) const;

    Form form_;
    int channels_;
    Parameter scale_, shift_;
    AlignedArray<float> running_mean_, running_variance_, mean_, variance_;
    std::int64_t batches_ = 0;
};

}  // namespace sparsetrain::train
