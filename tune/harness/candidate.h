// What a measuring program is linked from: candidates, each the record of one kernel with other tile sizes
// than its schedule row's. The sources of candidates include nothing else of tune/.
#pragma once

#include <span>
#include <vector>

#include "layer_class.h"

namespace sparsetrain::tune {

struct Candidate {
    const char* name;
    std::span<const detail::ConvKernel* const> kernels;
};

// A layer class as it is linked, some of whose kernels are replaced: by those of the same pass, name, operand
// and blocking.
class Variant {
  public:
    explicit Variant(const detail::LayerClass& today);
    Variant(const Variant&) = delete;
    Variant& operator=(const Variant&) = delete;

    void replace_by(const Candidate& candidate);

    const detail::LayerClass& layer_class() const { return class_; }

  private:
    detail::LayerClass class_;
    std::vector<const detail::ConvKernel*> kernels_;
};

// Those linked into this program.
std::span<const Candidate* const> linked_candidates();

}  // namespace sparsetrain::tune
