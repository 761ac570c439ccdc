#include "kernel_choice.h"

#include <algorithm>
#include <optional>

#include "conv_class.h"
#include "costs.h"

namespace sparsetrain::detail {

namespace {

// A weight is packed in about the time in which dense multiplies it for so many pixels. (Of VGG16's first
// linear layer, which comes from memory, about 60 on Zen 5; filters that are in a cache take less.)
constexpr double kPixelsOfPacking = 40;

double packing_cost(const ConvKernel* kernel, const ConvShape& shape) {
    if (kernel == nullptr || kernel->packing(shape_for_kernels(shape).weights()).pipeline == nullptr)
        return 0;
    const Shape dst = shape.dst();
    return kPixelsOfPacking / (static_cast<double>(dst.n) * dst.h * dst.w);
}

// The plan's own, of several blockings; of a plan without it, whose costs nobody compares, none.
const ConvKernel* dense_of(std::span<const ConvKernel* const> kernels) {
    for (const ConvKernel* kernel : kernels)
        if (kernel->skips == Skips::nothing) return kernel;
    return nullptr;
}

}  // namespace

KernelChoice::KernelChoice(const LayerClass& layer_class, const ConvShape& shape, Policy policy,
                           Choice choice)
    : class_(layer_class), shape_(shape), policy_(policy), choice_(choice) {
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
        const std::vector<const ConvKernel*> kernels = kernels_of_plan(layer_class, shape, policy, pass);
        const double packing_of_dense = packing_cost(dense_of(kernels), shape);
        for (const ConvKernel* kernel : kernels)
            kernels_[static_cast<std::size_t>(pass)].push_back(
                {kernel, cost_of(layer_class, *kernel, shape), kernel->channels_of_cost(shape),
                 packing_cost(kernel, shape), packing_of_dense});
    }
}

bool KernelChoice::needs_relu_mask() const {
    const auto kernels = kernels_of(Pass::bwd_data);
    return std::all_of(kernels.begin(), kernels.end(),
                       [](const Priced& one) { return one.kernel->skips == Skips::results; });
}

namespace {

// What is seen of the zeros that a kernel skips; none, if it needs more than the call has.
std::optional<double> zeros_for(const ConvKernel& kernel, std::span<const Observed> observed) {
    if (kernel.skips == Skips::nothing) return 0;
    for (const Observed& seen : observed)
        if (seen.skips == kernel.skips) return seen.zeros;
    return {};
}

}  // namespace

void KernelChoice::collect(const CallKind& kind, std::span<const Observed> observed,
                           std::vector<Candidate>& candidates) const {
    candidates.clear();
    for (const Priced& one : kernels_of(kind.pass))
        if (const std::optional<double> zeros = zeros_for(*one.kernel, observed))
            candidates.push_back({one.kernel, *zeros, one.at(*zeros, kind.packs)});
}

Candidate KernelChoice::decide(const CallKind& kind, std::span<const Observed> observed,
                               std::vector<Candidate>& memory) {
    collect(kind, observed, memory);
    if (policy_ != Policy::automatic) {  // its ways differ by what they skip
        return *std::max_element(memory.begin(), memory.end(),
                                 [](const Candidate& a, const Candidate& b) { return a.zeros < b.zeros; });
    }
    if (!learns(kind.pass)) return memory[cheapest(memory)];
    Learned& learned = learned_.get();
    const std::lock_guard lock(learned.mutex);
    MeasuredChoice& choice = learned.of(kind);
    Candidate decided = memory[choice.choose(memory)];
    decided.is_tried = choice.is_looking();
    return decided;
}

bool KernelChoice::learns(Pass pass) const {
    return policy_ == Policy::automatic && choice_ == Choice::measured && kernels_of(pass).size() > 1;
}

void KernelChoice::add_time(const CallKind& kind, const Candidate& decided, double seconds) {
    Learned& learned = learned_.get();
    const std::lock_guard lock(learned.mutex);
    learned.of(kind).add_time(decided, seconds);
}

MeasuredChoice& KernelChoice::Learned::of(const CallKind& kind) {
    for (OfKind& known : kinds)
        if (known.kind == kind) return known.choice;
    return kinds.emplace_back(OfKind{kind, {}}).choice;
}

namespace {

const char* why_not(const ConvKernel& kernel, const ConvShape& shape, Policy policy, bool is_of_plan) {
    if (is_of_plan) return "needs a relu_mask";
    if (policy != Policy::automatic && policy_of(kernel.name) != policy) return "not of the policy";
    if (kernel.skips != Skips::nothing && shape.src.c < kLanes) return "src has fewer than 16 channels";
    return "another blocking suits the shape";
}

}  // namespace

std::vector<Explanation> KernelChoice::explain(const CallKind& kind, std::span<const Observed> observed,
                                               const Candidate& decided) {
    Learned& learned = learned_.get();
    const std::lock_guard lock(learned.mutex);
    const MeasuredChoice& measured = learned.of(kind);
    std::vector<Explanation> all;
    for (const ConvKernel* kernel : class_.kernels) {
        if (kernel->pass != kind.pass) continue;
        const auto plans = kernels_of(kind.pass);
        const auto own = std::find_if(plans.begin(), plans.end(),
                                      [kernel](const Priced& one) { return one.kernel == kernel; });
        const std::optional<double> zeros = zeros_for(*kernel, observed);
        if (own == plans.end() || !zeros) {
            all.push_back({kernel, why_not(*kernel, shape_, policy_, own != plans.end())});
            continue;
        }
        Explanation& one = all.emplace_back(Explanation{kernel, kernel == decided.kernel ? "runs" : "slower",
                                                        true, *zeros, own->at(*zeros, kind.packs)});
        if (const MeasuredChoice::Finding* finding = measured.find(kernel)) {
            one.seconds = finding->best_seconds_per_cost * one.cost;
            one.runs = finding->runs;
            if (finding->is_tried) one.why = kernel == decided.kernel ? "tried now" : "tried in turn";
        }
    }
    return all;
}

}  // namespace sparsetrain::detail
