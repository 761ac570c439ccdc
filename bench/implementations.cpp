#include <iterator>

#include "implementation.h"

namespace sparsetrain::bench {

namespace {

constexpr ImplementationEntry kImplementations[] = {
    {"auto", make_sparsetrain<Policy::automatic>},
    {"dense", make_sparsetrain<Policy::dense>},
    {"zero_skip", make_sparsetrain<Policy::zero_skip>},
    {kPeer, make_onednn},
};

}  // namespace

std::span<const ImplementationEntry> implementations() {
    return kImplementations;
}

std::vector<const ImplementationEntry*> turns_of(int round) {
    // From the round's first one step forward, two back, three forward...: no two steps are alike.
    const int count = static_cast<int>(std::size(kImplementations));
    std::vector<const ImplementationEntry*> turns;
    for (int turn = 0; turn < count; ++turn) {
        const int from_first = turn % 2 != 0 ? (turn + 1) / 2 : count - turn / 2;
        turns.push_back(&kImplementations[(round + from_first) % count]);
    }
    return turns;
}

}  // namespace sparsetrain::bench
