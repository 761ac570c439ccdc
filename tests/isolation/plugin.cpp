// A shared library that has the library inside, with one layer class.
#include <string_view>

#include "check_classes.h"

extern "C" __attribute__((visibility("default"))) bool PLUGIN_CHECK();

bool PLUGIN_CHECK() {
    return check_classes(1) && layer_classes()[0].name == std::string_view(PLUGIN_CLASS);
}
