#include "kernels/output_mask.h"

#include "conv_call.h"
#include "schedules/budgets.h"

namespace sparsetrain::detail {

using schedules::pieces;

// (k lane, vector, channel group).
Packing OutputMaskKernel::packing(const WeightsShape& master) const {
    const int vectors = row.group * master.r * master.s * channel_blocks(master.k);
    return {pack, {{kLanes, vectors, pieces(master.c, row.group)}, 3}};
}

void OutputMaskKernel::run(const ConvCall& call) const {
    PackedBuffer weights(*this, call);
    const Padding& padding = call.shape.padding;
    call_pipeline(call.function, pipeline, call.workspace, call.dst, weights, *call.mask, padding.top,
                  padding.left, images_per_tile(row, call.shape.src, threads_for_call(call.workspace)),
                  call.src);
}

}  // namespace sparsetrain::detail
