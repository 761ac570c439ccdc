// What the runtime knows of a layer class: the list of its kernels. One instance per class and
// microarchitecture, generated from layer_class.cpp.in.
#pragma once

#include <span>

#include "conv_kernel.h"
#include "sparsetrain/library.h"

namespace sparsetrain::detail {

struct LayerClass {
    const char* uarch;
    LayerClassInfo info;
    // Every way to compute its passes. Of each pass that it has, dense is one.
    std::span<const ConvKernel* const> kernels;
};

// The classes linked into this program, for every microarchitecture.
std::span<const LayerClass* const> all_linked_layer_classes();

// Those of the microarchitecture whose kernels this process runs. Throws Error(unsupported) if there is none.
std::span<const LayerClass* const> linked_layer_classes();

}  // namespace sparsetrain::detail
