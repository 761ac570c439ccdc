// Weights of networks in safetensors files, with the names and shapes of PyTorch's state_dict.
#pragma once

#include <filesystem>

#include "train/network.h"
#include "train/safetensors.h"

namespace sparsetrain::train {

// Parameters, running statistics and their counts. Throws what write_safetensors throws.
// `more` tensors may come with them, such as images.
void save_weights(const Network& network, const std::filesystem::path& path,
                  std::span<const TensorToWrite> more = {});

// Sets what save_weights saves; momentum stays. Throws an Error(invalid_argument) that names the file and the
// tensor for one that is missing, has another shape or type, or is none of the network's, before anything has
// changed, and what reading throws.
void load_weights(Network& network, const std::filesystem::path& path);

}  // namespace sparsetrain::train
