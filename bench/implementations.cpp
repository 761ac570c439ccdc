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

}  // namespace sparsetrain::bench
