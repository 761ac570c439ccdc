// What a network learns, and what else belongs into the file of its weights.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sparsetrain/tensor.h"
#include "train/random.h"

namespace sparsetrain::train {

// Initial values: all `scale`; normal of that standard deviation; or uniform from -scale to below scale.
struct Initial {
    enum class Kind { constant, normal, uniform };
    Kind kind = Kind::constant;
    float scale = 0;
};

// A trainable array with gradient and momentum: filters in the master layout, or a vector of channels.
class Parameter {
  public:
    // `shape`: as files have it, [K][C][R][S], [K][C], [C] or [1]; its elements are those of `filters`, or of
    // a vector.
    Parameter(std::string its_name, std::vector<std::int64_t> its_shape, WeightsShape its_filters,
              Initial its_initial)
        : name(std::move(its_name)),
          shape(std::move(its_shape)),
          filters(its_filters),
          initial(its_initial) {}
    static Parameter vector(std::string name, int size, Initial initial) {
        return {std::move(name), {size}, {}, initial};
    }

    std::string name;                 // torchvision's, "layer1.0.conv1.weight"
    std::vector<std::int64_t> shape;  // in files
    WeightsShape filters;             // k is 0 for vectors
    Initial initial;
    bool decayed = true;  // whether weight decay applies
    float rate = 1;       // times the learning rate

    // Once allocated: of equal size and order, a multiple of 16 floats, zero in the lanes that pad channels.
    AlignedArray<float> value, gradient, momentum;

    bool is_filters() const { return filters.k > 0; }
    // Without those that pad.
    std::size_t elements() const;
    // Of the three arrays.
    std::size_t bytes() const { return 3 * padded_elements() * sizeof(float); }

    // Makes the arrays, with initial values in the order of files, whatever the layout in memory.
    void allocate(Random& random);

    // Values to and from the order of files: `elements()` floats. `values` are one of the three arrays.
    std::vector<float> to_file_order(std::span<const float> values) const;
    void from_file_order(std::span<const float> file);

  private:
    std::size_t padded_elements() const;
    template <typename Visit>
    void for_each(Visit visit) const;
};

// An array that is saved with the parameters, but not trained: running statistics.
struct State {
    std::string name;
    std::span<float> values;
};

// A number that is saved with them: of batches that statistics are of.
struct Counter {
    std::string name;
    std::int64_t* value;
};

}  // namespace sparsetrain::train
