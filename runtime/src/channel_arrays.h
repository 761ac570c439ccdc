// Arrays with a float per channel, as pipelines take them: whole blocks of channels, zero beyond the last.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>

#include "halide_interface.h"
#include "workspace_impl.h"

namespace sparsetrain::detail {

// Of a call, in memory of its Workspace: copies of `inputs`, then as many outputs.
class ChannelArrays {
  public:
    ChannelArrays(std::initializer_list<std::span<const float>> inputs, std::size_t outputs, int channels,
                  Workspace& workspace)
        : channels_(static_cast<std::size_t>(channels)), blocks_(channel_blocks(channels)) {
        AlignedArray<float>& memory = workspace.impl().channels;
        const std::size_t floats = (inputs.size() + outputs) * size();
        if (memory.size() < floats) memory = AlignedArray<float>(floats);
        values_ = memory.data();
        std::fill_n(values_, floats, 0.0F);
        float* next = values_;
        for (const std::span<const float> input : inputs) {
            std::copy(input.begin(), input.end(), next);
            next += size();
        }
    }

    // Those of the channels alone.
    std::span<float> operator[](std::size_t array) const { return {values_ + array * size(), channels_}; }
    Buffer<2> buffer(std::size_t array) const { return {values_ + array * size(), {kLanes, blocks_}}; }

  private:
    std::size_t size() const { return static_cast<std::size_t>(blocks_) * kLanes; }

    std::size_t channels_;
    int blocks_;
    float* values_ = nullptr;
};

}  // namespace sparsetrain::detail
