#include "cli/status_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cli/clock.h"
#include "cli/output.h"

namespace sparsetrain::cli {
namespace {

constexpr double kSecondsBetweenLines = 5, kSecondsBetweenBars = 0.1;

// Whether stdout is a terminal on which a line can be drawn anew.
bool can_redraw() {
    const char* type = std::getenv("TERM");
    return isatty(STDOUT_FILENO) == 1 && type != nullptr && *type != '\0' && type != std::string_view("dumb");
}

int terminal_width() {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string cut_to(const std::string& text, int width) {
    return text.substr(0, static_cast<std::size_t>(std::max(0, width - 1)));
}

StatusLine::StatusLine() : terminal_(can_redraw()) {}

void StatusLine::show(std::string bar, std::string line, bool at_once) {
    bar_ = std::move(bar);
    line_ = std::move(line);
    const double pause = terminal_ ? kSecondsBetweenBars : kSecondsBetweenLines;
    is_held_back_ = !at_once && wall_seconds() - printed_ < pause;
    if (!is_held_back_) print();
}

void StatusLine::print() {
    printed_ = wall_seconds();
    is_empty_ = false;
    if (terminal_)
        std::printf("\r%s\033[K", cut_to(bar_, terminal_width()).c_str());
    else
        std::printf("%s\n", line_.c_str());
    flush_output();
}

void StatusLine::finish() {
    if (is_held_back_) print();
    is_held_back_ = false;
    if (terminal_ && !is_empty_) std::printf("\n");
    is_empty_ = true;
}

}  // namespace sparsetrain::cli
