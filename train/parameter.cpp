#include "train/parameter.h"

#include <algorithm>

#include "sparsetrain/layout.h"

namespace sparsetrain::train {

// Calls visit(place in memory) for every element, in the order of files.
template <typename Visit>
void Parameter::for_each(Visit visit) const {
    if (!is_filters()) {
        for (std::size_t i = 0; i < elements(); ++i) visit(i);
        return;
    }
    for (int k = 0; k < filters.k; ++k)
        for (int c = 0; c < filters.c; ++c)
            for (int r = 0; r < filters.r; ++r)
                for (int s = 0; s < filters.s; ++s) visit(filters.offset(k, c, r, s));
}

std::size_t Parameter::elements() const {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    return count;
}

std::size_t Parameter::padded_elements() const {
    if (is_filters()) return filters.elements();
    return (elements() + kLanes - 1) / kLanes * kLanes;
}

void Parameter::allocate(Random& random) {
    for (AlignedArray<float>* array : {&value, &gradient, &momentum})
        *array = AlignedArray<float>(padded_elements());
    if (initial.kind == Initial::Kind::constant && initial.scale == 0) return;
    for_each([&](std::size_t at) {
        switch (initial.kind) {
            case Initial::Kind::constant:
                value[at] = initial.scale;
                break;
            case Initial::Kind::normal:
                value[at] = random.normal(initial.scale);
                break;
            case Initial::Kind::uniform:
                value[at] = random.symmetric(initial.scale);
                break;
        }
    });
}

std::vector<float> Parameter::to_file_order(std::span<const float> values) const {
    std::vector<float> file(elements());
    if (is_filters()) {
        Workspace workspace;
        weights_to_oihw({values.data(), filters}, file.data(), workspace);
    } else {
        std::copy_n(values.begin(), file.size(), file.begin());
    }
    return file;
}

void Parameter::from_file_order(std::span<const float> file) {
    if (is_filters()) {
        Workspace workspace;
        oihw_to_weights(file.data(), {value.data(), filters}, workspace);
    } else {
        std::copy_n(file.begin(), elements(), value.begin());
    }
}

}  // namespace sparsetrain::train
