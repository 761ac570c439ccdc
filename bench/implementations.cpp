#include <cblas.h>
#include <omp.h>

#include <algorithm>

#include "implementation.h"

namespace sparsetrain::bench {

namespace {

bool every_pass(const ConvShape&, Pass) {
    return true;
}

bool only_backward_data(const ConvShape&, Pass pass) {
    return pass == Pass::bwd_data;
}

constexpr ImplementationEntry kImplementations[] = {
    {"auto", make_sparsetrain<Policy::automatic>, every_pass},
    {"dense", make_sparsetrain<Policy::dense>, every_pass},
    {"zero_skip", make_sparsetrain<Policy::zero_skip>, every_pass},
    {"output_mask", make_sparsetrain<Policy::output_mask>, only_backward_data, ZerosIn::relu_mask},
    {"auto_masked", make_sparsetrain<Policy::automatic>, only_backward_data, ZerosIn::relu_mask},
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
