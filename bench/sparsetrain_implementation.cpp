#include <omp.h>

#include <cstdio>
#include <utility>

#include "implementation.h"

namespace sparsetrain::bench {

namespace {

constexpr int kMostTrials = 64;

bool packs_in_every_call = false;

class SparseTrain : public Implementation {
  public:
    SparseTrain(Problem& problem, Policy policy)
        : problem_(problem),
          plan_(problem.shape, policy),
          packed_weights_(problem.weights.view()),
          workspace_(omp_get_max_threads()) {}

    void run() override {
        Problem& p = problem_;
        if (packs_) packed_weights_.mark_changed();
        switch (p.pass) {
            case Pass::fwd:
                last_run_ = plan_.forward(p.src.view(), packed_weights_, {}, p.dst.view(), workspace_);
                break;
            case Pass::bwd_data:
                last_run_ = plan_.backward_data(p.dst.view(), packed_weights_, p.src.view(), workspace_,
                                                std::as_const(p.relu_mask).view());
                break;
            case Pass::bwd_weights:
                last_run_ =
                    plan_.backward_weights(p.src.view(), p.dst.view(), p.weights.view(), {}, workspace_);
                break;
        }
    }

    void settle() override {
        for (int call = 0; call < kMostTrials && last_run_.is_trial; ++call) run();
    }

    void publish_result() override {}  // run() writes where it belongs

    std::string label() const override {
        char zeros[32];
        std::snprintf(zeros, sizeof zeros, ", %.1f %% zeros", last_run_.zeros);
        return to_string(last_run_.kernel) + std::string(zeros);
    }

  private:
    Problem& problem_;
    Conv2d plan_;
    PackedWeights packed_weights_;
    Workspace workspace_;
    RunStatistics last_run_;
    bool packs_ = packs_in_every_call;
};

}  // namespace

void pack_in_every_call(bool packs) {
    packs_in_every_call = packs;
}

std::unique_ptr<Implementation> make_sparsetrain(Problem& problem, Policy policy) {
    return std::make_unique<SparseTrain>(problem, policy);
}

}  // namespace sparsetrain::bench
