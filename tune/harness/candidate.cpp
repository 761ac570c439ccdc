#include "tune/harness/candidate.h"

using sparsetrain::tune::Candidate;

// The linker's names for the ends of a section: weak, as a program without candidates has none.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
[[gnu::weak, gnu::visibility("hidden")]] extern const Candidate* const __start_sparsetrain_candidates[];
[[gnu::weak, gnu::visibility("hidden")]] extern const Candidate* const __stop_sparsetrain_candidates[];
// NOLINTEND(bugprone-reserved-identifier)
}

namespace sparsetrain::tune {

Variant::Variant(const detail::LayerClass& today)
    : class_(today),
      forward_(today.fwd.zero_skip.begin(), today.fwd.zero_skip.end()),
      backward_data_(today.bwd_data.zero_skip.begin(), today.bwd_data.zero_skip.end()) {
    class_.fwd.zero_skip = forward_;
    class_.bwd_data.zero_skip = backward_data_;
}

void Variant::replace(Pass pass, const detail::DensePipelines<detail::ConvPipeline>& dense) {
    (pass == Pass::fwd ? class_.fwd : class_.bwd_data).dense = dense;
}

void Variant::replace(detail::DenseWeightsPipeline dense) {
    class_.bwd_weights_dense = dense;
}

void Variant::replace(Pass pass, const detail::ScatterKernel& kernel) {
    for (detail::ScatterKernel& today : blockings(pass))
        if (schedules::same_name(today.row.blocking, kernel.row.blocking)) today = kernel;
}

void Variant::replace(const detail::OutputMaskKernel& kernel) {
    class_.output_mask = kernel;
}

void Variant::replace(detail::ZeroSkipWeightsPipeline by_src, const schedules::PixelScanRow& row) {
    class_.bwd_weights_zero_skip.src = by_src;
    class_.bwd_weights_row = row;
}

std::span<const Candidate* const> linked_candidates() {
    return {__start_sparsetrain_candidates, __stop_sparsetrain_candidates};
}

}  // namespace sparsetrain::tune
