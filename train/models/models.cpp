#include "train/models/models.h"

#include "checks.h"
#include "train/models/builder.h"
#include "train/models/fixup_resnet.h"
#include "train/models/resnet.h"
#include "train/models/vgg.h"

namespace sparsetrain::train {

void check_image_size(const char* model, int given, int least) {
    if (given < least)
        detail::throw_invalid(model, "image_size", "at least " + std::to_string(least),
                              std::to_string(given));
}

std::span<const Model> models() {
    static constexpr Model kModels[] = {
        {"vgg-small", vgg_small, 4, 1}, {"vgg16", vgg16, 32, 3},
        {"resnet18", resnet18, 32, 3},  {"resnet34", resnet34, 32, 3},
        {"resnet50", resnet50, 32, 3},  {"fixup_resnet50", fixup_resnet50, 32, 3},
    };
    return kModels;
}

}  // namespace sparsetrain::train
