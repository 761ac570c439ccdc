// The program's standard streams.
#pragma once

namespace sparsetrain::cli {

// Gives each of the descriptors 0 to 2 that is closed a place holder, from which nothing can be read and to
// which nothing can be written: else the next file that is opened would get it, and what is printed would
// land there.
void occupy_standard_streams();

// Writes out what stdout holds back. Throws std::runtime_error if that or an earlier write to it failed.
void flush_output();

}  // namespace sparsetrain::cli
