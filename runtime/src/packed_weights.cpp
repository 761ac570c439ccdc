#include <cstdint>
#include <limits>
#include <string>

#include "checks.h"
#include "halide_interface.h"
#include "packed_weights_impl.h"
#include "workspace_impl.h"

namespace sparsetrain {

namespace detail {

namespace {
int pieces(int length, int size) {
    return (length + size - 1) / size;
}
}  // namespace

std::array<int, 4> packed_extents(const schedules::ScatterRow& row, const LayerClassInfo& info,
                                  int channels_in, int channels_out) {
    return {row.group * info.filter_w * row.k_vectors * kLanes, info.filter_h, pieces(channels_in, row.group),
            pieces(channel_blocks(channels_out), row.k_vectors)};
}

std::array<int, 3> packed_extents(const schedules::OutputMaskRow& row, const LayerClassInfo& info,
                                  const WeightsShape& master) {
    return {kLanes, row.group * info.filter_h * info.filter_w * channel_blocks(master.k),
            pieces(master.c, row.group)};
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
    ++impl().version;
}
ConstWeightsView PackedWeights::master() const {
    return impl().master;
}
PackedWeights::Impl& PackedWeights::impl() const {
    detail::check_not_moved("PackedWeights", impl_.get());
    return *impl_;
}

const float* PackedWeights::Impl::get(const detail::LayerClass& layer_class, Pass pass, Kernel kernel,
                                      Workspace& workspace) {
    if (pass == Pass::fwd && kernel == Kernel::dense) return master.data;
    Packings& packings = packings_.get();
    const std::lock_guard lock(packings.mutex);
    Packing& packing = packings.by_kernel[{&layer_class, pass, kernel}];
    if (packing.version != version) {
        // Under the lock, nothing may run that can come back for these weights on this thread, as work of the
        // caller's can that its pool has at hand.
        Workspace without_pool;
        pack(layer_class, pass, kernel, packing, workspace.impl().pool ? without_pool : workspace);
        packing.version = version;
    }
    return packing.values.data();
}

namespace {

// Packs into an array of the given extents, which keeps its memory if it already has the size.
template <std::size_t Dimensions>
void pack_into(AlignedArray<float>& values, const std::array<int, Dimensions>& extents,
               detail::PackPipeline pipeline, ConstWeightsView master, Workspace& workspace) {
    std::size_t elements = 1;
    for (const int extent : extents) elements *= static_cast<std::size_t>(extent);
    if (elements > std::numeric_limits<std::int32_t>::max()) {
        throw Error(ErrorCode::unsupported,
                    "pack weights: expected fewer than 2^31 elements once channels are rounded up "
                    "to whole groups and chunks, given " +
                        std::to_string(elements));
    }
    if (values.size() != elements) values = AlignedArray<float>(elements);
    detail::WeightsBuffer from(master);
    detail::Buffer<Dimensions> to(values.data(), extents);
    detail::call_pipeline("pack weights", pipeline, workspace, from, to);
}

}  // namespace

void PackedWeights::Impl::pack(const detail::LayerClass& layer_class, Pass pass, Kernel kernel,
                               Packing& packing, Workspace& workspace) {
    const WeightsShape shape = master.shape;
    if (kernel == Kernel::output_mask) {
        const detail::OutputMaskKernel& by_mask = layer_class.output_mask;
        pack_into(packing.values, detail::packed_extents(by_mask.row, layer_class.info, shape), by_mask.pack,
                  master, workspace);
    } else if (kernel == Kernel::zero_skip) {
        const int in = pass == Pass::fwd ? shape.c : shape.k, out = pass == Pass::fwd ? shape.k : shape.c;
        const detail::ScatterKernel& scatter = layer_class.kernels(pass).zero_skip_for(in, out);
        pack_into(packing.values, detail::packed_extents(scatter.row, layer_class.info, in, out),
                  scatter.pack, master, workspace);
    } else {
        const std::array<int, 6> exchanged = {
            kLanes, kLanes, shape.s, shape.r, channel_blocks(shape.k), channel_blocks(shape.c)};
        pack_into(packing.values, exchanged, layer_class.kernels(pass).dense_pack, master, workspace);
    }
}

}  // namespace sparsetrain
