#include "step_simulation.h"

#include <map>
#include <set>

namespace sparsetrain::test {
namespace {

using namespace train;

std::size_t at(int i) {
    return static_cast<std::size_t>(i);
}

// What lies where in the arena.
class Memory {
  public:
    explicit Memory(const std::vector<Block>& blocks) : blocks_(blocks) {}

    void write(int block, const std::string& content) {
        const auto range = this->range(block);
        std::erase_if(regions_,
                      [&](const Region& r) { return r.begin < range.second && range.first < r.end; });
        regions_.push_back({range.first, range.second, content});
    }
    std::string read(int block) const {
        const auto [begin, end] = range(block);
        for (const Region& region : regions_)
            if (region.begin == begin && region.end == end) return region.content;
        return "nothing whole";
    }

  private:
    struct Region {
        std::size_t begin, end;
        std::string content;
    };
    std::pair<std::size_t, std::size_t> range(int block) const {
        const Block& b = blocks_[at(block)];
        return {b.offset, b.offset + b.bytes};
    }

    const std::vector<Block>& blocks_;
    std::vector<Region> regions_;
};

std::string named(const char* what, int i) {
    return std::string(what) + " " + std::to_string(i);
}

class Simulation {
  public:
    Simulation(const Graph& graph, const StepPlan& plan, Mode mode)
        : graph_(graph), plan_(plan), mode_(mode), memory_(plan.blocks), gradients_(at(graph.values())) {}

    std::vector<std::string> run() {
        write(plan_.tensors[0], "tensor 0");
        for (int i = 0; i < nodes(); ++i) forward(i);
        now_ = nodes();
        const int logits = graph_.values() - 1;
        expect(plan_.tensors[at(logits)], named("tensor", logits));
        if (mode_ == Mode::training) {
            gradients_[at(logits)] = {"diff_logits", 1, !graph_.type_of(logits).rectified};
            write(plan_.diff_logits, "diff_logits");
            for (int i = nodes() - 1; i >= 0; --i) backward(i);
        }
        return std::move(faults_);
    }

  private:
    // Of a value, as far as its readers have been played: what is in its block.
    struct Gradient {
        std::string content;
        int parts = 0;
        bool rectified = false;
    };

    int nodes() const { return static_cast<int>(graph_.nodes().size()); }
    const Graph::Node& node(int i) const { return graph_.nodes()[at(i)]; }
    int srcs_of(int i) const { return static_cast<int>(node(i).srcs.size()); }

    void fault(const std::string& what) { faults_.push_back(named("time", now_) + ": " + what); }

    void check_time(int block, const std::string& content) {
        const Block& b = plan_.blocks[at(block)];
        if (now_ < b.first || now_ > b.last)
            fault(content + " is used outside of " + std::to_string(b.first) + " to " +
                  std::to_string(b.last));
    }
    void write(int block, const std::string& content) {
        if (block == kNoBlock) return fault("no block for " + content);
        check_time(block, content);
        memory_.write(block, content);
    }
    void expect(int block, const std::string& content) {
        if (block == kNoBlock) return fault("no block of " + content);
        check_time(block, content);
        if (const std::string found = memory_.read(block); found != content)
            fault("expected " + content + ", found " + found);
    }

    // What a node reads is whole before it writes, and afterwards, but for what it may write over.
    using Reads = std::vector<std::pair<int, std::string>>;  // blocks and contents
    void expect_all(const Reads& reads, const std::set<int>& overwritten) {
        for (const auto& [block, content] : reads)
            if (!overwritten.contains(block)) expect(block, content);
    }

    void forward(int i) {
        now_ = i;
        const Operator& op = *node(i).op;
        const int dst = i + 1;
        Reads reads;
        std::set<int> overwritten;
        for (int s = 0; s < srcs_of(i); ++s) {
            const int src = node(i).srcs[at(s)];
            reads.emplace_back(plan_.tensors[at(src)], named("tensor", src));
            if (graph_.type_of(src).has_mask) reads.emplace_back(plan_.masks[at(src)], named("mask", src));
            if (op.may_overwrite_src(s) && plan_.tensors[at(src)] == plan_.tensors[at(dst)])
                overwritten.insert(plan_.tensors[at(src)]);
        }
        expect_all(reads, {});
        write(plan_.tensors[at(dst)], named("tensor", dst));
        if (op.result().has_mask) write(plan_.masks[at(dst)], named("mask", dst));
        if (op.saved_bytes(1) > 0) write(plan_.nodes[at(i)].saved, named("saved by", i));
        expect_all(reads, overwritten);
    }

    Reads reads_of_backward(int i) const {
        const Operator& op = *node(i).op;
        const int dst = i + 1;
        Reads reads;
        for (int s = 0; s < srcs_of(i); ++s) {
            const int src = node(i).srcs[at(s)];
            if (op.saves_src(s)) reads.emplace_back(plan_.tensors[at(src)], named("tensor", src));
            if (graph_.type_of(src).has_mask) reads.emplace_back(plan_.masks[at(src)], named("mask", src));
        }
        if (op.saves_dst()) reads.emplace_back(plan_.tensors[at(dst)], named("tensor", dst));
        if (op.result().has_mask) reads.emplace_back(plan_.masks[at(dst)], named("mask", dst));
        if (op.saved_bytes(1) > 0) reads.emplace_back(plan_.nodes[at(i)].saved, named("saved by", i));
        return reads;
    }

    int readers_of(int value) const {
        int readers = value == graph_.values() - 1 ? 1 : 0;  // the loss
        for (const Graph::Node& one : graph_.nodes())
            for (const int src : one.srcs) readers += src == value;
        return readers;
    }

    // The gradient that a node is given is whole, and its mask covers it.
    void expect_diff_dst(int i) {
        const PlannedGradient& planned = plan_.nodes[at(i)].diff_dst;
        const int value = i + 1;
        const Gradient& gradient = gradients_[at(value)];
        expect(planned.block, gradient.content);
        if (gradient.parts != readers_of(value))
            fault(named("the gradient of", value) + named(" has parts", gradient.parts));
        if (graph_.type_of(value).rectified && !gradient.rectified)
            fault(named("no ReLU was applied to the gradient of", value));
        std::string mask;
        if (planned.mask_of >= 0) {
            mask = named("mask", planned.mask_of);
            expect(plan_.masks[at(planned.mask_of)], mask);
        }
        if (planned.mask_block != kNoBlock) {
            mask = "mask of " + gradient.content;
            expect(planned.mask_block, mask);
        }
        if (!mask.empty() && !covers_[gradient.content].contains(mask))
            fault(mask + " does not cover " + gradient.content);
    }

    void backward(int i) {
        now_ = 2 * nodes() - i;
        expect_diff_dst(i);
        const int diff_dst = plan_.nodes[at(i)].diff_dst.block;
        const Reads reads = reads_of_backward(i);
        expect_all(reads, {});
        std::set<int> written;
        bool in_place = false;
        for (int s = 0; s < srcs_of(i); ++s) {
            const PlannedContribution& planned = plan_.nodes[at(i)].diff_srcs[at(s)];
            const GradientType type = node(i).op->gradient_type(s);
            if (!planned.wanted || type.memory == GradientType::Memory::is_diff_dst) continue;
            write_part(i, s, planned.written);
            if (!written.insert(planned.written.block).second) fault("two gradients in one block");
            in_place |=
                planned.written.block == diff_dst && type.memory == GradientType::Memory::own_or_diff_dst;
        }
        expect_all(reads, {});
        if (!in_place) expect(diff_dst, gradients_[at(i + 1)].content);
        for (int s = 0; s < srcs_of(i); ++s) finish(i, s);
    }

    static std::string part(int i, int s) { return named("part", i) + named(" for", s); }

    // Of a node for a src, in memory that is not diff_dst's content.
    void write_part(int i, int s, const PlannedGradient& planned) {
        const int src = node(i).srcs[at(s)];
        const std::string content = part(i, s);
        write(planned.block, content);
        switch (node(i).op->gradient_type(s).zeros) {
            case GradientType::Zeros::unknown:
                break;
            case GradientType::Zeros::masked_by_src:
                if (graph_.type_of(src).rectified) covers_[content].insert(named("mask", src));
                break;
            case GradientType::Zeros::masked_by_dst:
                covers_[content].insert(named("mask", i + 1));
                break;
            case GradientType::Zeros::own_mask:
                covers_[content].insert("mask of " + content);
                write(planned.mask_block, "mask of " + content);
                break;
        }
    }

    void finish(int i, int s) {
        const PlannedContribution& planned = plan_.nodes[at(i)].diff_srcs[at(s)];
        const int src = node(i).srcs[at(s)];
        if (!planned.wanted) {
            if (src != 0) fault(named("nobody wants the gradient of", src));
            return;
        }
        const GradientType type = node(i).op->gradient_type(s);
        const bool is_diff_dst = type.memory == GradientType::Memory::is_diff_dst;
        const std::string content = is_diff_dst ? gradients_[at(i + 1)].content : part(i, s);
        Gradient& sum = gradients_[at(src)];
        expect(planned.written.block, content);
        if (planned.then == PlannedContribution::Then::nothing) {
            if (sum.parts > 0) fault(named("parts are lost of the gradient of", src));
            if (planned.after.block != planned.written.block) fault("a gradient is not where it was written");
            sum = {content, 1, !is_diff_dst && type.zeros != GradientType::Zeros::unknown};
            return;
        }
        combine(planned, src, content);
    }

    void combine(const PlannedContribution& planned, int src, const std::string& content) {
        Gradient& sum = gradients_[at(src)];
        const bool has_relu = graph_.type_of(src).rectified;
        if (has_relu) expect(plan_.masks[at(src)], named("mask", src));
        const bool adds = planned.then == PlannedContribution::Then::add;
        if (adds != (sum.parts > 0)) fault(named("parts of the gradient of", src) + " are not added up");
        if (!adds && !has_relu) fault(named("no ReLU made value", src));
        if (adds) expect(planned.before.block, sum.content);
        sum = {named("gradient of", src) + named(" parts", sum.parts + 1), sum.parts + 1, has_relu};
        if (has_relu) covers_[sum.content].insert(named("mask", src));
        write(planned.after.block, sum.content);
        if (content == sum.content) fault("a sum of itself");
    }

    const Graph& graph_;
    const StepPlan& plan_;
    const Mode mode_;
    int now_ = 0;
    Memory memory_;
    std::vector<Gradient> gradients_;                      // by value
    std::map<std::string, std::set<std::string>> covers_;  // masks, by what they cover
    std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> faults_of(const Graph& graph, const StepPlan& plan, Mode mode) {
    return Simulation(graph, plan, mode).run();
}

int collisions(const std::vector<Block>& blocks) {
    const auto meet = [](const Block& a, const Block& b) { return a.first <= b.last && b.first <= a.last; };
    const auto overlap = [](const Block& a, const Block& b) {
        return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
    };
    int count = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            count += meet(blocks[i], blocks[j]) && overlap(blocks[i], blocks[j]);
    return count;
}

}  // namespace sparsetrain::test
