#include "mask_bits.h"

#include <numeric>

#include "halide_interface.h"
#include "sparsetrain_mask_bits_u16.h"
#include "workspace_impl.h"

namespace sparsetrain::detail {

namespace {

constexpr int kTaskWords = 8192;  // the generator's
constexpr std::uint16_t kAllLanes = 0xffff;

// Of `rows` rows of `words` words, `distance` words apart.
struct WordsBuffer {
    WordsBuffer(const std::uint16_t* data, int words, int rows, int distance)
        : dims{{{0, words, 1}, {0, rows, distance}}} {
        buffer.host = reinterpret_cast<std::uint8_t*>(const_cast<std::uint16_t*>(data));
        buffer.type = halide_type_of<std::uint16_t>();
        buffer.dimensions = 2;
        buffer.dim = dims.data();
    }

    std::array<halide_dimension_t, 2> dims;
    halide_buffer_t buffer{};
};

std::int64_t count(const char* function, WordsBuffer words, std::uint16_t lanes, Workspace& workspace) {
    const int tasks = (words.dims[0].extent + kTaskWords - 1) / kTaskWords, rows = words.dims[1].extent;
    std::vector<std::int32_t>& sums = workspace.impl().mask_bits;
    sums.resize(static_cast<std::size_t>(tasks) * static_cast<std::size_t>(rows));
    call_pipeline(function, sparsetrain_mask_bits_u16, workspace, &words.buffer, lanes,
                  Buffer<2>(sums.data(), {tasks, rows}));
    return std::accumulate(sums.begin(), sums.end(), std::int64_t{0});
}

std::int64_t count(const char* function, const ConstMaskView& mask, Workspace& workspace) {
    const int words = static_cast<int>(mask.shape.pixels());
    return count(function, WordsBuffer(mask.data, words, 1, words), kAllLanes, workspace);
}

}  // namespace

std::int64_t set_bits_of(const char* function, const ConstMaskView& mask, Workspace& workspace) {
    if (mask.set_bits == nullptr) return count(function, mask, workspace);
    std::int64_t known = *mask.set_bits;
    if (known == kNotCounted) *mask.set_bits = known = count(function, mask, workspace);
    return known;
}

void keep_set_bits(const char* function, const MaskView& mask, Workspace& workspace) {
    if (mask.set_bits != nullptr) *mask.set_bits = count(function, mask, workspace);
}

bool has_padding_bits(const char* function, const ConstMaskView& mask, Workspace& workspace) {
    const Shape& shape = mask.shape;
    const int kept = shape.c % kLanes, blocks = channel_blocks(shape.c), pixels = shape.h * shape.w;
    if (kept == 0) return false;
    const std::size_t last_block = static_cast<std::size_t>(blocks - 1) * static_cast<std::size_t>(pixels);
    const auto padding = static_cast<std::uint16_t>(kAllLanes << kept);
    return count(function, WordsBuffer(mask.data + last_block, pixels, shape.n, blocks * pixels), padding,
                 workspace) > 0;
}

}  // namespace sparsetrain::detail
