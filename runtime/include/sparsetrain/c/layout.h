/* Conversions of plain arrays to and from the layouts of sparsetrain/c/tensor.h. Plain arrays are dense,
 * 4-byte aligned, and apart from what is written. Lanes that pad channels become zero. */
#pragma once

#include "sparsetrain/c/tensor.h"
#include "sparsetrain/c/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain: [N][C][H][W]. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_nchw_to_nchw16c(const sparsetrain_shape* shape,
                                                                 const float* src, float* dst,
                                                                 sparsetrain_workspace* workspace);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_nchw16c_to_nchw(const sparsetrain_shape* shape,
                                                                 const float* src, float* dst,
                                                                 sparsetrain_workspace* workspace);

/* Plain: [N][H][W][C], "channels last". */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_nhwc_to_nchw16c(const sparsetrain_shape* shape,
                                                                 const float* src, float* dst,
                                                                 sparsetrain_workspace* workspace);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_nchw16c_to_nhwc(const sparsetrain_shape* shape,
                                                                 const float* src, float* dst,
                                                                 sparsetrain_workspace* workspace);

/* Plain: [K][C][R][S], "OIHW". The other: master weights, or their gradient. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_oihw_to_weights(const sparsetrain_weights_shape* shape,
                                                                 const float* src, float* weights,
                                                                 sparsetrain_workspace* workspace);
SPARSETRAIN_C_API sparsetrain_status sparsetrain_weights_to_oihw(const sparsetrain_weights_shape* shape,
                                                                 const float* weights, float* dst,
                                                                 sparsetrain_workspace* workspace);

#ifdef __cplusplus
}
#endif
