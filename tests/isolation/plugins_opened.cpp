// Two plugins in one program that loads them, and has and exports a copy of the library of its own.
//
//     plugins_opened local|global FILE FUNCTION FILE FUNCTION
#include <dlfcn.h>

#include <string_view>

#include "check_classes.h"

using Check = bool (*)();

static Check load(const char* file, const char* function, int visibility) {
    void* plugin = dlopen(file, RTLD_NOW | visibility);
    void* check = plugin == nullptr ? nullptr : dlsym(plugin, function);
    if (check != nullptr) return reinterpret_cast<Check>(check);
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(1);
}

int main(int count, char** words) {
    if (count != 6) return 1;
    const int visibility = words[1] == std::string_view("global") ? RTLD_GLOBAL : RTLD_LOCAL;
    const Check first = load(words[2], words[3], visibility);
    const Check second = load(words[4], words[5], visibility);
    return first() && second() && check_classes(1) && first() ? 0 : 1;
}
