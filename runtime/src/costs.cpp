#include "costs.h"

#include "schedules/costs.h"

namespace sparsetrain::detail {

schedules::Cost cost_of(const LayerClass& layer_class, const ConvKernel& kernel, const ConvShape& shape) {
    return schedules::cost_of(layer_class.uarch, layer_class.info.name, to_string(kernel.pass),
                              to_string(kernel.name), kernel.cost_is_of(shape));
}

}  // namespace sparsetrain::detail
