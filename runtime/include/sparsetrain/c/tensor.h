/* Sizes and memory of tensors, occupancy masks and weights. All memory is the caller's.
 *
 * A tensor is float [N][C/16][H][W][16], a weights array float [K/16][C/16][R][S][16c][16k], both 64-byte
 * aligned, with channels rounded up to a multiple of 16. The lanes beyond C and K are zero in every array
 * given to the library and in every array that it writes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sparsetrain/c/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All sizes are at least 1; `c` and `k` count channels before they are rounded up. */
typedef struct sparsetrain_shape {
    int32_t n, c, h, w;
} sparsetrain_shape;

typedef struct sparsetrain_weights_shape {
    int32_t k, c, r, s;
} sparsetrain_weights_shape;

/* An occupancy mask: this header and, behind it, a uint16_t for each pixel of 16 channels, [N][C/16][H][W],
 * bit i for lane i: (uint16_t*)(mask + 1). A clear bit promises a zero, a set bit promises nothing.
 *
 * Where a function takes a mask that it reads, null means that there is none. It may write set_bits of masks
 * that it reads: it counts their bits once. */
typedef struct sparsetrain_mask {
    int64_t set_bits; /* how many bits are set; -1: not counted, to be written by whoever changes words */
    unsigned char reserved[56];
} sparsetrain_mask;

/* How much memory they take, in bytes; 0, with an error text, for a null pointer, a size below 1, or 2^31
 * elements or more. Masks have the header in it. */
SPARSETRAIN_C_API size_t sparsetrain_tensor_bytes(const sparsetrain_shape* shape);
SPARSETRAIN_C_API size_t sparsetrain_mask_bytes(const sparsetrain_shape* shape);
SPARSETRAIN_C_API size_t sparsetrain_weights_bytes(const sparsetrain_weights_shape* shape);

/* 64-byte aligned memory full of zeros, for callers that have none of their own. A mask in it has no bits
 * set, which its header says. */
SPARSETRAIN_C_API sparsetrain_status sparsetrain_allocate(size_t bytes, void** memory);
/* Null is fine. */
SPARSETRAIN_C_API void sparsetrain_free(void* memory);

#ifdef __cplusplus
}
#endif
