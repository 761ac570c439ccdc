#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "checks.h"
#include "halide_interface.h"
#include "packed_weights_impl.h"
#include "workspace_impl.h"

namespace sparsetrain {

namespace detail {

void describe(const float* weights, const Extents& extents, std::array<halide_dimension_t, 6>& dims,
              halide_buffer_t& buffer) {
    int stride = 1;
    for (std::size_t i = 0; i < static_cast<std::size_t>(extents.dimensions); ++i) {
        dims[i] = {0, extents.of[i], stride};
        stride *= extents.of[i];
    }
    buffer.host = reinterpret_cast<std::uint8_t*>(const_cast<float*>(weights));
    buffer.type = halide_type_of<float>();
    buffer.dimensions = extents.dimensions;
    buffer.dim = dims.data();
}

namespace {

// Packs into an array that keeps its memory if that is large enough.
void pack(ConstWeightsView master, const Packing& packing, AlignedArray<float>& values,
          Workspace& workspace) {
    const double elements = packing.extents.elements();
    if (elements > std::numeric_limits<std::int32_t>::max()) {
        throw Error(ErrorCode::unsupported,
                    "pack weights: expected fewer than 2^31 elements once channels are rounded up "
                    "to whole groups and chunks, given " +
                        std::to_string(static_cast<long long>(elements)));
    }
    const auto count = static_cast<std::size_t>(elements);
    if (values.size() < count) values = AlignedArray<float>(count);
    WeightsBuffer from(master);
    std::array<halide_dimension_t, 6> dims{};
    halide_buffer_t to{};
    describe(values.data(), packing.extents, dims, to);
    call_pipeline("pack weights", packing.pipeline, workspace, from, &to);
}

}  // namespace

}  // namespace detail

PackedWeights::PackedWeights(ConstWeightsView master, Keep keep) {
    detail::check_shape("PackedWeights", "master", master.shape);
    detail::check_weights("PackedWeights", "master", master, master.shape);
    impl_ = std::make_unique<Impl>(master, keep);
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

const float* PackedWeights::Impl::get(const detail::Packing& packing, Workspace& workspace) {
    if (packing.pipeline == nullptr) return master.data;
    Workspace::Impl& call = workspace.impl();
    if (keep == Keep::for_a_call) {
        detail::pack(master, packing, call.packed, workspace);
        return call.packed.data();
    }
    const bool has_pool = static_cast<bool>(call.pool);
    AllPacked& all = packed_.get();
    std::unique_lock lock(all.mutex);
    Packed& packed = all.by_pipeline[packing.pipeline];
    while (packed.is_being_packed && !packed.by_pool && !has_pool) all.packing_ended.wait(lock);
    if (packed.version == version) return packed.values.data();
    if (packed.is_being_packed) {
        lock.unlock();
        detail::pack(master, packing, call.packed, workspace);
        return call.packed.data();
    }
    packed.is_being_packed = true;
    packed.by_pool = has_pool;
    lock.unlock();
    const auto end_packing = [&](unsigned long packed_version) {
        lock.lock();
        packed.version = packed_version;
        packed.is_being_packed = false;
        all.packing_ended.notify_all();
    };
    try {
        detail::pack(master, packing, packed.values, workspace);
    } catch (...) {
        end_packing(0);
        throw;
    }
    end_packing(version);
    return packed.values.data();
}

}  // namespace sparsetrain
