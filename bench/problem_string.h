// Layers as benchdnn, oneDNN's benchmark, writes them: `mb16ic256oc256ih56oh56kh3ph1n"vgg3_2"`.
#pragma once

#include <string>
#include <string_view>

#include "sparsetrain/conv2d.h"

namespace sparsetrain::bench {

struct Layer {
    std::string name;  // printable characters but blanks
    ConvShape shape;
};

// Reads what benchdnn reads, with its meaning. Keys: mb (N), ic (C), oc (K), id ih iw, od oh ow, kd kh kw
// (filter), sd sh sw (stride), pd ph pw (padding in front), dd dh dw (dilation, from 0), g (groups), then
// nNAME or n"NAME" at the end; underscores may separate them. A layer without a name is called by its problem
// string.
//
// ic and oc are required, and, of a direction that any key speaks of, the input and the filter. Without keys
// of w it is as h; without keys of h the image is one row. Of one direction, the output that is not given
// follows from the padding, which is 0 unless given; the padding that is not given follows from the output:
// half of what the filter needs, the smaller half in front. mb is 2 and sh 1 unless given. The padding behind
// is what the output needs.
//
// Throws Error(unsupported) for problems of benchdnn that are no ConvShape or that the library does not
// serve: a third direction, groups, dilation, two strides, padding of a filter's size and more, output that
// ends before the padded input does; and for a name with other characters. Throws Error(invalid_argument),
// saying what was expected and what was found, for what is no problem string, and for a key given twice.
Layer parse_layer(std::string_view problem);

// For messages: in quotes, cut where it is long, and whatever a file has, a terminal can show it.
std::string in_quotes(std::string_view text);

}  // namespace sparsetrain::bench
