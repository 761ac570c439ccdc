// What a kernel should take, by the tables of schedules/costs/.
#pragma once

#include "layer_class.h"
#include "schedules/costs/cost_rows.h"

namespace sparsetrain::detail {

schedules::Cost cost_of(const LayerClass& layer_class, const ConvKernel& kernel, const ConvShape& shape);

}  // namespace sparsetrain::detail
