#include "cli/duration.h"

#include <charconv>

namespace sparsetrain::cli {

double parse_duration(const std::string& text) {
    constexpr double kMost = 1e7;
    double number = 0;
    const char* last = text.data() + text.size();
    const auto [unit, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc() || unit + 1 != last || !(number > 0 && number < kMost)) return -1;
    switch (*unit) {
        case 's':
            return number;
        case 'm':
            return 60 * number;
        case 'h':
            return 3600 * number;
        default:
            return -1;
    }
}

std::string check_duration(const std::string& text) {
    return parse_duration(text) > 0 ? "" : "given " + text + ", expected a time such as 90s, 10m or 2h";
}

}  // namespace sparsetrain::cli
