// The numbers that describe the networks.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace sparsetrain::test {

// Channels of 3x3 convolutions with ReLU; kPool is a max pool 2x2.
inline constexpr int kPool = 0;
inline const std::vector<int> kVgg16 = {64,    64,  kPool, 128, 128,   kPool, 256, 256, 256,
                                        kPool, 512, 512,   512, kPool, 512,   512, 512, kPool};
inline const std::vector<int> kVggSmall = {64, 64, kPool, 128, 128, 128, kPool, 256, 256};
inline constexpr int kVgg16Features = 4096;

struct ResNet {
    bool bottlenecks, batch_norm;
    std::array<int, 4> blocks;  // Of layer1 to layer4.
};
inline std::optional<ResNet> resnet_of(const std::string& model) {
    if (model == "resnet18") return ResNet{false, true, {2, 2, 2, 2}};
    if (model == "resnet34") return ResNet{false, true, {3, 4, 6, 3}};
    if (model == "resnet50") return ResNet{true, true, {3, 4, 6, 3}};
    if (model == "fixup_resnet50") return ResNet{true, false, {3, 4, 6, 3}};
    return {};
}

// A block of layer1 to layer4, by its prefix: layer2.0.
struct Block {
    std::string name;
    int planes, stride;
};
inline std::vector<Block> blocks_of(const ResNet& net) {
    std::vector<Block> all;
    int planes = 64;
    for (int layer = 1; layer <= 4; ++layer, planes *= 2)
        for (int i = 0; i < net.blocks[static_cast<std::size_t>(layer - 1)]; ++i)
            all.push_back({"layer" + std::to_string(layer) + "." + std::to_string(i), planes,
                           layer > 1 && i == 0 ? 2 : 1});
    return all;
}

}  // namespace sparsetrain::test
