// Plays a step of a graph as Network does, with names for contents, in the memory that its plan gives it.
#pragma once

#include <string>
#include <vector>

#include "train/step_plan.h"

namespace sparsetrain::test {

// What is wrong with the plan: reads of memory that holds something else, or nothing any more, at that time;
// uses of blocks outside of their time; gradients that lack a reader's part or a ReLU's backward; masks that
// are not those of what they come with. Empty for a plan that is right.
std::vector<std::string> faults_of(const train::Graph& graph, const train::StepPlan& plan, train::Mode mode);

// Pairs of blocks that are in use at one time and share memory.
int collisions(const std::vector<train::Block>& blocks);

}  // namespace sparsetrain::test
