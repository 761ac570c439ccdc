// Tensors, masks and weights of tests: guarded memory filled with chosen values and zeros.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "guarded_memory.h"
#include "sparsetrain/tensor.h"

namespace sparsetrain::test {

using Random = std::mt19937;

// integers: -3 to 3 without 0, whose products and sums are exact in float; reals: magnitudes from 0.25 to 1.
enum class Values { integers, reals };

// What is zero together: single elements, 16-channel pixels, channels, or lanes that alternate along c and x.
enum class ZeroPattern { elements, vectors, channels, lanes };

enum class MaskKind { none, exact, conservative };

struct Zeros {
    int percent = 0;
    ZeroPattern pattern = ZeroPattern::elements;
};

const char* to_string(Values values);
const char* to_string(ZeroPattern pattern);
const char* to_string(MaskKind kind);

struct TestTensor {
    explicit TestTensor(Shape tensor_shape) : shape(tensor_shape), memory(tensor_shape.elements()) {}
    TensorView view() const { return {memory.data(), shape}; }

    Shape shape;
    Guarded<float> memory;
};

struct TestMask {
    explicit TestMask(Shape tensor_shape) : shape(tensor_shape), memory(tensor_shape.pixels()) {}
    MaskView view() const { return {memory.data(), shape}; }

    Shape shape;
    Guarded<std::uint16_t> memory;
};

struct TestWeights {
    explicit TestWeights(WeightsShape weights_shape)
        : shape(weights_shape), memory(weights_shape.elements()) {}
    WeightsView view() const { return {memory.data(), shape}; }
    float& at(int k, int c, int r, int s) const { return memory[shape.offset(k, c, r, s)]; }

    WeightsShape shape;
    Guarded<float> memory;
};

float random_value(Values values, Random& random);

// A tensor in which floor(units * percent / 100) units (elements, vectors, channels) are zero, about half of
// them -0.0. Lanes beyond C are 0.
TestTensor make_tensor(Shape shape, Values values, Zeros zeros, Random& random);

// Weights without zeros but in the lanes beyond K and C.
TestWeights make_weights(WeightsShape shape, Values values, Random& random);

// exact: a bit is set where the value is not zero; conservative: also at about a third of the zeros.
TestMask make_mask(const TestTensor& tensor, MaskKind kind, Random& random);

// Percentage of zeros among the logical elements (lanes below C).
double zero_percent(const TestTensor& tensor);

}  // namespace sparsetrain::test
