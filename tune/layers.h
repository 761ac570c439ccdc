// The layers that are measured.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "layer_list.h"
#include "tune/subject.h"

namespace sparsetrain::tune {

// Those of a file of problem strings, of which `names` asks for some (none: for all), with as many of their
// images as make a measurement short. Skips what bench::read_layers does, and layers of no class that is
// linked; throws as it does, and Error(invalid_argument) for a name that is not in the file.
std::vector<bench::Layer> read_layers(const std::filesystem::path& file,
                                      const std::vector<std::string>& names,
                                      const bench::ReportSkipped& report);

// As problem strings, which read_layers understands.
std::string to_lines(const std::vector<bench::Layer>& layers);

bool is_of_class(const bench::Layer& layer, const Subject& subject);

// Whether kernels that skip zeros have a part in it: `auto` has dense alone for fewer than 16 input channels.
inline bool may_skip_zeros(const bench::Layer& layer) {
    return layer.shape.src.c >= kLanes;
}

// The channels that a pass sums over; of bwd_weights, those of src, whose zeros are skipped.
int channels_summed(const bench::Layer& layer, Pass pass);

// Whether a pass of the layer is computed by the subject's row, if that row and those of `replaced`, by their
// subjects' names, have other sizes than in `tables`.
using Replacements = std::map<std::string, TileSizes>;
bool is_used(const Subject& subject, const bench::Layer& layer, const schedules::Tables& tables,
             const Replacements& replaced);

}  // namespace sparsetrain::tune
