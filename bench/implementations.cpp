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

// What the library's class for a shape has. A class that is not linked has everything, so that making a plan
// tells that it is missing.
LayerClassInfo class_of(const ConvShape& shape) {
    for (const LayerClassInfo& layer : layer_classes()) {
        if (layer.filter_h == shape.filter_h && layer.filter_w == shape.filter_w &&
            layer.stride == shape.stride) {
            return layer;
        }
    }
    return {"", shape.filter_h, shape.filter_w, shape.stride, true, true};
}

bool has_dense(const ConvShape& shape, Pass pass) {
    return pass != Pass::bwd_data || class_of(shape).backward_data;
}

bool has_zero_skip(const ConvShape& shape, Pass pass) {
    return has_dense(shape, pass) && class_of(shape).skips_zeros;
}

bool has_output_mask(const ConvShape& shape, Pass pass) {
    return pass == Pass::bwd_data && has_zero_skip(shape, pass);
}

constexpr ImplementationEntry kImplementations[] = {
    {"auto", make_sparsetrain<Policy::automatic>, has_dense},
    {"dense", make_sparsetrain<Policy::dense>, has_dense},
    {"zero_skip", make_sparsetrain<Policy::zero_skip>, has_zero_skip},
    {"output_mask", make_sparsetrain<Policy::output_mask>, has_output_mask, ZerosIn::relu_mask},
    {"auto_masked", make_sparsetrain<Policy::automatic>, has_output_mask, ZerosIn::relu_mask},
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
