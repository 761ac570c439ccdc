#include "sparsetrain/concat.h"

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/c/concat.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

sparsetrain_status sparsetrain_write_channels(const sparsetrain_shape* part_shape,
                                              const sparsetrain_shape* whole_shape, const float* part,
                                              sparsetrain_mask* part_mask, int32_t first_channel,
                                              float* whole, sparsetrain_mask* whole_mask,
                                              sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_write_channels";
    return guarded(function, [&] {
        const Shape from = checked(function, "part_shape", part_shape);
        const Shape to = checked(function, "whole_shape", whole_shape);
        write_channels({ConstTensorView{part, from}, read_mask(function, "part_mask", part_mask, from)},
                       first_channel, {whole, to}, written_mask(function, "whole_mask", whole_mask, to),
                       deref(function, workspace));
    });
}

sparsetrain_status sparsetrain_read_channels(const sparsetrain_shape* whole_shape,
                                             const sparsetrain_shape* part_shape, const float* whole,
                                             sparsetrain_mask* whole_mask, int32_t first_channel, float* part,
                                             sparsetrain_mask* part_mask, sparsetrain_workspace* workspace) {
    const char* const function = "sparsetrain_read_channels";
    return guarded(function, [&] {
        const Shape from = checked(function, "whole_shape", whole_shape);
        const Shape to = checked(function, "part_shape", part_shape);
        read_channels({ConstTensorView{whole, from}, read_mask(function, "whole_mask", whole_mask, from)},
                      first_channel, {part, to}, written_mask(function, "part_mask", part_mask, to),
                      deref(function, workspace));
    });
}
