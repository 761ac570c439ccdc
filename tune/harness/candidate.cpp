#include "tune/harness/candidate.h"

#include <string_view>

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
    : class_(today), kernels_(today.kernels.begin(), today.kernels.end()) {
    class_.kernels = kernels_;
}

void Variant::replace_by(const Candidate& candidate) {
    for (const detail::ConvKernel* kernel : candidate.kernels) {
        for (const detail::ConvKernel*& today : kernels_) {
            if (today->pass == kernel->pass && today->name == kernel->name && today->skips == kernel->skips &&
                std::string_view(today->blocking) == kernel->blocking) {
                today = kernel;
            }
        }
    }
}

std::span<const Candidate* const> linked_candidates() {
    return {__start_sparsetrain_candidates, __stop_sparsetrain_candidates};
}

}  // namespace sparsetrain::tune
