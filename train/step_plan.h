// Which memory a step of a graph takes, when each part of it is in use, and where gradients are added up.
#pragma once

#include <vector>

#include "train/arena_plan.h"
#include "train/graph.h"

namespace sparsetrain::train {

inline constexpr int kNoBlock = -1;

// A gradient: the block that holds it, and what is known of its zeros: the mask of value `mask_of`, or a mask
// in a block of its own. `rectified`: the backward of the ReLU of the value that it is of is applied.
struct PlannedGradient {
    int block = kNoBlock, mask_block = kNoBlock, mask_of = -1;
    bool rectified = false;
};

// What a node's backward leaves for one of its srcs, and what becomes of it: the value's gradient, once
// `Then` is done to it. `add`: to `before`, which other readers of the value left.
struct PlannedContribution {
    enum class Then { nothing, apply_relu, add };
    bool wanted = false;
    PlannedGradient written, before, after;
    Then then = Then::nothing;
};

struct PlannedNode {
    int saved = kNoBlock;
    PlannedGradient diff_dst;
    std::vector<PlannedContribution> diff_srcs;
};

// Blocks are sized for `images`. Values and masks have one each, nodes what is above.
struct StepPlan {
    std::vector<Block> blocks;
    std::vector<int> tensors, masks;  // blocks, by value
    std::vector<PlannedNode> nodes;
    int diff_logits = kNoBlock;
    std::size_t arena_bytes = 0;
};

// In inference there is no backward, and values are gone after their last reader.
StepPlan plan_step(const Graph& graph, int images, Mode mode);

}  // namespace sparsetrain::train
