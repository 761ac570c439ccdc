#include "sparsetrain/c/tensor.h"

#include <cstring>
#include <new>

#include "arguments.h"
#include "guarded.h"

using namespace sparsetrain::c;

size_t sparsetrain_tensor_bytes(const sparsetrain_shape* shape) {
    const char* const function = "sparsetrain_tensor_bytes";
    return guarded_value(function, std::size_t{0},
                         [&] { return checked(function, "shape", shape).elements() * sizeof(float); });
}

size_t sparsetrain_mask_bytes(const sparsetrain_shape* shape) {
    const char* const function = "sparsetrain_mask_bytes";
    return guarded_value(function, std::size_t{0}, [&] {
        return sizeof(sparsetrain_mask) + checked(function, "shape", shape).pixels() * sizeof(std::uint16_t);
    });
}

size_t sparsetrain_weights_bytes(const sparsetrain_weights_shape* shape) {
    const char* const function = "sparsetrain_weights_bytes";
    return guarded_value(function, std::size_t{0},
                         [&] { return checked(function, "shape", shape).elements() * sizeof(float); });
}

sparsetrain_status sparsetrain_allocate(size_t bytes, void** memory) {
    const char* const function = "sparsetrain_allocate";
    return guarded(function, [&] {
        void*& result = deref(function, "memory", memory);
        result =
            ::operator new (sparsetrain::checked_count(bytes, 1), std::align_val_t{sparsetrain::kAlignment});
        std::memset(result, 0, bytes);
    });
}

void sparsetrain_free(void* memory) {
    ::operator delete (memory, std::align_val_t{sparsetrain::kAlignment});
}
