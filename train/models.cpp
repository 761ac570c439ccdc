#include "train/models.h"

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "train/fully_connected.h"
#include "train/max_pool.h"
#include "train/random.h"

namespace sparsetrain::train {

namespace {

// The layers of a VGG: the output channels of a 3x3 convolution, or a max pool.
constexpr int kPool = 0;
constexpr int kVggSmall[] = {64, 64, kPool, 128, 128, 128, kPool, 256, 256};

constexpr int kClasses = 10;
constexpr Padding kSamePadding{1, 1, 1, 1};

Network vgg(Shape input, std::span<const int> layers, std::uint32_t seed, KernelOptions kernels,
            int threads) {
    Random random(seed);
    Network::Operators operators;
    Shape shape = input;
    int convolutions = 0, pools = 0;
    for (const int channels : layers) {
        if (channels == kPool) {
            operators.push_back(std::make_unique<MaxPool2x2>("pool" + std::to_string(++pools), shape));
        } else {
            const ConvShape conv{.src = shape, .k = channels, .padding = kSamePadding};
            const KernelOptions own_kernels = convolutions == 0 ? Policy::dense : kernels;
            operators.push_back(std::make_unique<Convolution>("conv" + std::to_string(++convolutions), conv,
                                                              own_kernels, Convolution::Activate::relu,
                                                              random));
        }
        shape = operators.back()->dst_shape();
    }
    operators.push_back(std::make_unique<FullyConnected>("fc", shape, kClasses, random));
    return Network(input, std::move(operators), threads);
}

}  // namespace

Network vgg_small(int batch, std::uint32_t seed, KernelOptions kernels, int threads) {
    return vgg({batch, 1, 28, 28}, kVggSmall, seed, kernels, threads);
}

std::span<const Model> models() {
    static constexpr Model kModels[] = {{"vgg-small", vgg_small}};
    return kModels;
}

}  // namespace sparsetrain::train
