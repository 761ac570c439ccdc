#include "train/step_plan.h"

#include <algorithm>

namespace sparsetrain::train {
namespace {

std::size_t at(int i) {
    return static_cast<std::size_t>(i);
}

// Time counts nodes: forward of node i is at i, the loss behind them, backward in reverse.
class Planner {
  public:
    Planner(const Graph& graph, int images, Mode mode)
        : graph_(graph), images_(images), trains_(mode == Mode::training), gradients_(at(graph.values())) {
        plan_.tensors.assign(at(graph.values()), kNoBlock);
        plan_.masks = plan_.tensors;
        plan_.nodes.resize(graph.nodes().size());
    }

    StepPlan plan() {
        find_last_uses();
        plan_.tensors[0] = new_block(bytes_of_tensor(0), 0, last_uses_[0]);
        for (int i = 0; i < nodes(); ++i) plan_forward(i);
        if (trains_) {
            const int logits = graph_.values() - 1;
            plan_.diff_logits = new_block(bytes_of_tensor(logits), nodes(), nodes());
            gradients_[at(logits)] = {plan_.diff_logits, kNoBlock, -1, !type(logits).rectified};
            for (int i = nodes() - 1; i >= 0; --i) plan_backward(i);
        }
        plan_.arena_bytes = place_blocks(plan_.blocks);
        return std::move(plan_);
    }

  private:
    int nodes() const { return static_cast<int>(graph_.nodes().size()); }
    const Graph::Node& node(int i) const { return graph_.nodes()[at(i)]; }
    const ValueType& type(int value) const { return graph_.type_of(value); }
    int backward_of(int node) const { return 2 * nodes() - node; }
    // The node that makes a value is the one before its id.
    int end_of_gradient(int value) const { return backward_of(value - 1); }

    std::size_t bytes_of_tensor(int value) const {
        return type(value).shape.of(images_).elements() * sizeof(float);
    }
    std::size_t bytes_of_mask(int value) const {
        return type(value).shape.of(images_).pixels() * sizeof(std::uint16_t);
    }

    int new_block(std::size_t bytes, int first, int last) {
        plan_.blocks.push_back({bytes, first, last});
        return static_cast<int>(plan_.blocks.size()) - 1;
    }
    void use(int block, int time) {
        if (block != kNoBlock) plan_.blocks[at(block)].last = std::max(plan_.blocks[at(block)].last, time);
    }

    // A gradient that was passed on may have the mask of a value whose own gradient is done with.
    void use_gradient(const PlannedGradient& gradient, int time) {
        use(gradient.block, time);
        use(gradient.mask_block, time);
        if (gradient.mask_of >= 0) use(plan_.masks[at(gradient.mask_of)], time);
    }

    void find_last_uses() {
        last_uses_.assign(at(graph_.values()), 0);
        readers_left_.assign(at(graph_.values()), 0);
        for (int i = 0; i < nodes(); ++i) {
            const Operator& op = *node(i).op;
            last_uses_[at(i + 1)] = trains_ && op.saves_dst() ? backward_of(i) : i;
            for (int s = 0; s < static_cast<int>(node(i).srcs.size()); ++s) {
                ++readers_left_[at(node(i).srcs[at(s)])];
                int& last = last_uses_[at(node(i).srcs[at(s)])];
                last = std::max(last, trains_ && op.saves_src(s) ? backward_of(i) : i);
            }
        }
        last_uses_.back() = std::max(last_uses_.back(), nodes());  // the loss reads the logits
    }

    void plan_forward(int i) {
        const Operator& op = *node(i).op;
        const int dst = i + 1, last = last_uses_[at(dst)];
        for (int s = 0; s < static_cast<int>(node(i).srcs.size()) && plan_.tensors[at(dst)] == kNoBlock;
             ++s) {
            const int src = node(i).srcs[at(s)];
            if (!op.may_overwrite_src(s) || last_uses_[at(src)] != i) continue;
            if (src == 0 || bytes_of_tensor(src) != bytes_of_tensor(dst)) continue;
            plan_.tensors[at(dst)] = plan_.tensors[at(src)];
            use(plan_.tensors[at(dst)], last);
        }
        if (plan_.tensors[at(dst)] == kNoBlock)
            plan_.tensors[at(dst)] = new_block(bytes_of_tensor(dst), i, last);
        // Masks are small, and serve until the ReLU's own backward.
        if (op.result().has_mask)
            plan_.masks[at(dst)] = new_block(bytes_of_mask(dst), i, trains_ ? backward_of(i) : last);
        if (const std::size_t bytes = op.saved_bytes(images_); bytes > 0)
            plan_.nodes[at(i)].saved = new_block(bytes, i, trains_ ? backward_of(i) : i);
    }

    void plan_backward(int i) {
        PlannedNode& planned = plan_.nodes[at(i)];
        planned.diff_dst = gradients_[at(i + 1)];
        use_gradient(planned.diff_dst, backward_of(i));
        for (int s = 0; s < static_cast<int>(node(i).srcs.size()); ++s)
            planned.diff_srcs.push_back(plan_contribution(i, s));
    }

    PlannedContribution plan_contribution(int i, int s) {
        const int src = node(i).srcs[at(s)];
        if (src == 0) return {};  // nobody needs the gradient of images
        const GradientType gradient = node(i).op->gradient_type(s);
        --readers_left_[at(src)];  // the last one to add its part applies the ReLU's backward to all
        PlannedContribution planned{true, written(i, s, gradient), gradients_[at(src)], {}};
        planned.after = planned.written;
        if (planned.before.block != kNoBlock) {
            planned.then = PlannedContribution::Then::add;
            planned.after = finished(src);
            planned.after.block = sum_block(i, s, planned);
            use(planned.before.block, backward_of(i));
        } else if (type(src).rectified && !planned.written.rectified && readers_left_[at(src)] == 0) {
            planned.then = PlannedContribution::Then::apply_relu;
            planned.after = finished(src);
            planned.after.block = may_finish_in(planned.written.block, i, s)
                                      ? planned.written.block
                                      : new_block(bytes_of_tensor(src), backward_of(i), backward_of(i));
        }
        gradients_[at(src)] = planned.after;
        use_gradient(planned.after, backward_of(i));
        return planned;
    }

    PlannedGradient written(int i, int s, const GradientType& gradient) {
        const int src = node(i).srcs[at(s)];
        const int now = backward_of(i), diff_dst = gradients_[at(i + 1)].block;
        if (gradient.memory == GradientType::Memory::is_diff_dst) {
            PlannedGradient same = gradients_[at(i + 1)];
            same.rectified = !type(src).rectified;
            return same;
        }
        PlannedGradient own;
        own.block = gradient.memory == GradientType::Memory::own_or_diff_dst &&
                            is_free_but_for(diff_dst, i + 1, now) && !is_taken(diff_dst, i, s) &&
                            bytes_of_tensor(src) == bytes_of_tensor(i + 1)
                        ? diff_dst
                        : new_block(bytes_of_tensor(src), now, now);
        switch (gradient.zeros) {
            case GradientType::Zeros::unknown:
                own.rectified = !type(src).rectified;
                return own;
            case GradientType::Zeros::masked_by_src:
                if (type(src).rectified) own.mask_of = src;
                break;
            case GradientType::Zeros::masked_by_dst:
                own.mask_of = i + 1;
                break;
            case GradientType::Zeros::own_mask:
                own.mask_block = new_block(bytes_of_mask(src), now, now);
                break;
        }
        own.rectified = true;
        return own;
    }

    // After the backward of the value's ReLU, if it has one.
    PlannedGradient finished(int src) const {
        PlannedGradient gradient;
        if (type(src).rectified) gradient.mask_of = src;
        gradient.rectified = true;
        return gradient;
    }

    // Sums are written over one of their terms, if that is nothing else's.
    int sum_block(int i, int s, const PlannedContribution& planned) {
        for (const int block : {planned.before.block, planned.written.block})
            if (may_finish_in(block, i, s)) return block;
        return new_block(bytes_of_tensor(node(i).srcs[at(s)]), backward_of(i), backward_of(i));
    }

    // Whether the gradient of srcs[s] may be finished in `block`, when node i's backward has run.
    bool may_finish_in(int block, int i, int s) const {
        if (block == gradients_[at(i + 1)].block && is_passed_on(i, s + 1)) return false;
        return is_free_but_for(block, node(i).srcs[at(s)], backward_of(i));
    }

    // Whether srcs of node i, from `first` on, have its diff_dst as their gradient.
    bool is_passed_on(int i, int first) const {
        for (int s = first; s < static_cast<int>(node(i).srcs.size()); ++s)
            if (node(i).srcs[at(s)] != 0 &&
                node(i).op->gradient_type(s).memory == GradientType::Memory::is_diff_dst)
                return true;
        return false;
    }

    // Whether node i leaves gradients of srcs other than srcs[s] in diff_dst's block.
    bool is_taken(int diff_dst, int i, int s) const {
        return is_passed_on(i, s + 1) ||
               std::ranges::any_of(plan_.nodes[at(i)].diff_srcs, [&](const PlannedContribution& before) {
                   return before.written.block == diff_dst;
               });
    }

    // Whether a block holds the gradient of no value but `value` that is needed after `time`.
    bool is_free_but_for(int block, int value, int time) const {
        for (int other = 1; other < graph_.values(); ++other)
            if (other != value && gradients_[at(other)].block == block && end_of_gradient(other) > time)
                return false;
        return true;
    }

    const Graph& graph_;
    const int images_;
    const bool trains_;
    StepPlan plan_;
    std::vector<int> readers_left_;           // by value, whose gradients are still to come
    std::vector<int> last_uses_;              // by value, of its tensor
    std::vector<PlannedGradient> gradients_;  // by value, as far as its readers' backward has come
};

}  // namespace

StepPlan plan_step(const Graph& graph, int images, Mode mode) {
    return Planner(graph, images, mode).plan();
}

}  // namespace sparsetrain::train
