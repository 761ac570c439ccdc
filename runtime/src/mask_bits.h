// Counting the bits of masks, on all threads of a call.
#pragma once

#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::detail {

// How many are set. Once counted they are known, where the view says where to keep that.
std::int64_t set_bits_of(const char* function, const ConstMaskView& mask, Workspace& workspace);

// For who made the mask: counts, if that is to be kept.
void keep_set_bits(const char* function, const MaskView& mask, Workspace& workspace);

// Whether bits of lanes beyond the channels are set.
bool has_padding_bits(const char* function, const ConstMaskView& mask, Workspace& workspace);

}  // namespace sparsetrain::detail
