// What a measuring program is linked from: candidates, each the pipelines of one kernel with other tile sizes
// than its schedule row's. The sources of candidates include nothing else.
#pragma once

#include <span>
#include <vector>

#include "layer_class.h"
#include "schedules/derived.h"
#include "schedules/tables.h"
#include "schedules/tiles.h"

namespace sparsetrain::tune {

// A layer class as it is linked, some of whose kernels are replaced.
class Variant {
  public:
    explicit Variant(const detail::LayerClass& today);
    Variant(const Variant&) = delete;
    Variant& operator=(const Variant&) = delete;

    void replace(Pass pass, const detail::DensePipelines<detail::ConvPipeline>& dense);
    void replace(detail::DenseWeightsPipeline dense);
    void replace(Pass pass, const detail::ScatterKernel& kernel);  // that of its blocking
    void replace(const detail::OutputMaskKernel& kernel);
    void replace(detail::ZeroSkipWeightsPipeline by_src, const schedules::PixelScanRow& row);

    const detail::LayerClass& layer_class() const { return class_; }

  private:
    std::vector<detail::ScatterKernel>& blockings(Pass pass) {
        return pass == Pass::fwd ? forward_ : backward_data_;
    }

    detail::LayerClass class_;
    std::vector<detail::ScatterKernel> forward_, backward_data_;
};

struct Candidate {
    const char* name;
    void (*apply)(Variant& variant);
};

// Those linked into this program.
std::span<const Candidate* const> linked_candidates();

}  // namespace sparsetrain::tune
