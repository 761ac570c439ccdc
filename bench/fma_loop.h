// A loop of nothing but fused multiply-adds in registers: the speed that no convolution can pass.
#pragma once

namespace sparsetrain::bench {

struct FmaLoop {
    float (*run)();     // returns what it computed, so that the work cannot be left out
    double flops;       // of a run: two per multiply-add
    const char* label;  // "512-bit vectors"
};

// With the widest vectors of instruction_set(). Throws Error(unsupported) if that is "none".
FmaLoop widest_fma_loop();

}  // namespace sparsetrain::bench
