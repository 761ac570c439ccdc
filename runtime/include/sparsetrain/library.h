// What this build of the library is and what it can run on.
#pragma once

#include <span>

#include "sparsetrain/export.h"

namespace sparsetrain {

struct LayerClassInfo {
    const char* name;  // "conv3x3_stride1"
    int filter_h, filter_w;
    int stride;
};

SPARSETRAIN_API const char* version();
SPARSETRAIN_API const char* halide_version();  // of the Halide that compiled the kernels

// Whether this CPU and operating system run the AVX-512 (Skylake server feature set) kernels.
SPARSETRAIN_API bool cpu_supported();

// The layer classes linked into this program.
SPARSETRAIN_API std::span<const LayerClassInfo> layer_classes();

}  // namespace sparsetrain
