// Layers as benchdnn, oneDNN's benchmark, writes them: `mb16ic256oc256ih56oh56kh3ph1n"vgg3_2"`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sparsetrain/conv2d.h"

namespace sparsetrain::bench {

struct Layer {
    std::string name;  // letters, digits and . _ -, so that it fits between the slashes of a benchmark's name
    ConvShape shape;
};

// Keys: mb (N), ic (C), oc (K), ih iw, oh ow, kh kw (filter), sh sw (stride), ph pw (padding above and left),
// g (groups), dh dw (dilation, from 0), then n"name" at the end; underscores may separate them. mb, ic, oc,
// ih and kh are required; iw, ow, kw, sw and pw are their vertical twins if not given, sh is 1 and ph 0, and
// the problem string, as SPARSETRAIN_VERBOSE prints it, is its own name. A given oh or ow decides the padding
// below and right, which else equals that above and left.
//
// Throws Error(unsupported) for more than one group and for dilation, and Error(invalid_argument), saying
// what was expected and what was found, for anything else, also for sizes that contradict each other.
Layer parse_layer(std::string_view problem);

// One problem string per line of the file; empty lines and those that begin with # do not count. Throws the
// Error of a line with the file's name and the line's number, and Error(invalid_argument) also for a name
// used twice or no layer at all.
std::vector<Layer> read_layers(const std::string& file);

// Replaces the layer's mb. Throws Error(invalid_argument) for a tensor that would have too many elements.
void set_batch(Layer& layer, int batch);

}  // namespace sparsetrain::bench
