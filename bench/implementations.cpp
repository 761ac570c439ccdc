#include <cblas.h>
#include <omp.h>

#include <algorithm>

#include "implementation.h"
#include "sparsetrain/library.h"

namespace sparsetrain::bench {

namespace {

bool every_pass(const ConvShape&, Pass) {
    return true;
}

// Of a class that is not linked, dense, whose plan tells that it is missing.
template <Kernel kernel>
bool has(const ConvShape& shape, Pass pass) {
    for (const LayerClassInfo& layer : layer_classes()) {
        if (layer.filter_h != shape.filter_h || layer.filter_w != shape.filter_w ||
            layer.stride != shape.stride)
            continue;
        const std::vector<Kernel> kernels = kernels_of(layer, pass);
        return std::find(kernels.begin(), kernels.end(), kernel) != kernels.end();
    }
    return kernel == Kernel::dense;
}

template <Policy policy>
std::unique_ptr<Implementation> make(Problem& problem) {
    return make_sparsetrain(problem, policy);
}

constexpr ImplementationEntry kImplementations[] = {
    {"auto", make<Policy::automatic>, has<Kernel::dense>},
    {"dense", make<Policy::dense>, has<Kernel::dense>},
    {"zero_skip", make<Policy::zero_skip>, has<Kernel::zero_skip>},
    {"output_mask", make<Policy::output_mask>, has<Kernel::output_mask>, ZerosIn::relu_mask},
    {"auto_masked", make<Policy::automatic>, has<Kernel::output_mask>, ZerosIn::relu_mask},
    {kPeer, make_onednn, every_pass},
    {"onednn_winograd", make_onednn_winograd, onednn_has_winograd},
    {"im2col", make_im2col, every_pass},
};

}  // namespace

std::span<const ImplementationEntry> implementations() {
    return kImplementations;
}

ImplementationEntries implementations_of(const ConvShape& shape, Pass pass) {
    ImplementationEntries entries;
    for (const ImplementationEntry& entry : kImplementations)
        if (entry.serves(shape, pass)) entries.push_back(&entry);
    return entries;
}

ImplementationEntries turns_of(int round, const ImplementationEntries& entries) {
    // From the round's first one step forward, two back, three forward...: of an even number no two steps are
    // alike. Of an odd number the second half repeats the first half's steps, and only the mirrored round has
    // the others.
    const int count = static_cast<int>(entries.size());
    const bool odd = count % 2 != 0;
    const int first = odd ? round / 2 : round;
    ImplementationEntries turns;
    for (int turn = 0; turn < count; ++turn) {
        const int from_first = turn % 2 != 0 ? (turn + 1) / 2 : count - turn / 2;
        turns.push_back(entries[static_cast<std::size_t>((first + from_first) % count)]);
    }
    if (odd && round % 2 != 0) std::reverse(turns.begin(), turns.end());
    return turns;
}

void use_threads(int threads) {
    omp_set_num_threads(threads);
    openblas_set_num_threads(threads);
}

}  // namespace sparsetrain::bench
