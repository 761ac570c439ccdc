// For the sizes of scratch memory.
#pragma once

namespace sparsetrain::detail {

inline constexpr double kWordBytes = 4;  // of floats, as of the words of records

template <typename... Sizes>
double product(Sizes... sizes) {
    return (static_cast<double>(sizes) * ...);
}

}  // namespace sparsetrain::detail
