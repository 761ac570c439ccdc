#pragma once

#include <filesystem>
#include <iterator>

namespace sparsetrain::test {

// How many threads this process has now. One that was joined may be counted for a moment.
inline long process_threads() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

}  // namespace sparsetrain::test
