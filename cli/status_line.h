// The line that shows how far a long command is.
#pragma once

#include <string>

namespace sparsetrain::cli {

// `text` as a terminal of `width` columns has room for it: a line of the full width would wrap on some.
std::string cut_to(const std::string& text, int width);

// Writes to stdout: on a terminal one line that is redrawn, otherwise, as where TERM is "dumb" or not set, a
// line every few seconds. Throws std::runtime_error if stdout cannot be written.
class StatusLine {
  public:
    StatusLine();

    // Shows `bar` on a terminal, cut to its width, or else `line`: at once, or when it is time again.
    void show(std::string bar, std::string line, bool at_once);

    // Shows what was held back and leaves the line; call before printing anything else.
    void finish();

  private:
    void print();

    bool terminal_;  // that can redraw a line
    std::string bar_, line_;
    double printed_ = 0;  // when
    bool is_held_back_ = false, is_empty_ = true;
};

}  // namespace sparsetrain::cli
