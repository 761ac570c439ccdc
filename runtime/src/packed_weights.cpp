#include <cstdint>
#include <limits>
#include <string>

#include "checks.h"
#include "halide_interface.h"
#include "packed_weights_impl.h"

namespace sparsetrain {

namespace detail {

namespace {
int pieces(int length, int size) {
    return (length + size - 1) / size;
}
}  // namespace

ScatterPacking::ScatterPacking(const schedules::ScatterRow& row, const LayerClassInfo& info, int channels_in,
                               int channels_out)
    : slab(row.group * info.filter_w * row.k_vectors * kLanes),
      filter_h(info.filter_h),
      groups(pieces(channels_in, row.group)),
      chunks(pieces(channel_blocks(channels_out), row.k_vectors)) {}

std::size_t ScatterPacking::elements() const {
    return static_cast<std::size_t>(slab) * static_cast<std::size_t>(filter_h) *
           static_cast<std::size_t>(groups) * static_cast<std::size_t>(chunks);
}

}  // namespace detail

PackedWeights::PackedWeights(ConstWeightsView master) {
    detail::check_shape("PackedWeights", "master", master.shape);
    detail::check_weights("PackedWeights", "master", master, master.shape);
    impl_ = std::make_unique<Impl>(master);
}
PackedWeights::~PackedWeights() = default;
PackedWeights::PackedWeights(PackedWeights&&) noexcept = default;
PackedWeights& PackedWeights::operator=(PackedWeights&&) noexcept = default;

void PackedWeights::mark_changed() {
    ++impl_->version;
}
ConstWeightsView PackedWeights::master() const {
    return impl_->master;
}

const float* PackedWeights::Impl::get(const detail::LayerClass& layer_class, Pass pass, Kernel kernel,
                                      Workspace& workspace) {
    if (pass == Pass::fwd && kernel == Kernel::dense) return master.data;
    const std::lock_guard lock(mutex_);
    Packing& packing = packings_[{&layer_class, pass, kernel}];
    if (packing.version != version) {
        pack(layer_class, pass, kernel, packing, workspace);
        packing.version = version;
    }
    return packing.values.data();
}

void PackedWeights::Impl::pack(const detail::LayerClass& layer_class, Pass pass, Kernel kernel,
                               Packing& packing, Workspace& workspace) {
    const auto allocate = [&](std::size_t elements) {
        if (packing.values.size() != elements) packing.values = AlignedArray<float>(elements);
        return packing.values.data();
    };
    const WeightsShape shape = master.shape;
    detail::WeightsBuffer from(master);
    if (kernel == Kernel::dense) {
        const WeightsShape exchanged = {shape.c, shape.k, shape.r, shape.s};
        detail::WeightsBuffer to(WeightsView{allocate(exchanged.elements()), exchanged});
        detail::call_pipeline("pack weights", layer_class.bwd_data_dense_pack, workspace, from, to);
        return;
    }
    const bool forward = pass == Pass::fwd;
    const detail::ScatterPacking form(forward ? layer_class.fwd_row : layer_class.bwd_data_row,
                                      layer_class.info, forward ? shape.c : shape.k,
                                      forward ? shape.k : shape.c);
    if (form.elements() > std::numeric_limits<std::int32_t>::max()) {
        throw Error(ErrorCode::unsupported,
                    "pack weights: expected fewer than 2^31 elements once channels are rounded up "
                    "to whole groups and chunks, given " +
                        std::to_string(form.elements()));
    }
    detail::Buffer<4> to(allocate(form.elements()), {form.slab, form.filter_h, form.groups, form.chunks});
    detail::call_pipeline("pack weights",
                          forward ? layer_class.fwd_zero_skip_pack : layer_class.bwd_data_zero_skip_pack,
                          workspace, from, to);
}

}  // namespace sparsetrain
