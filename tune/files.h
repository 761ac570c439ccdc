// Files that the tuner writes: looked at before hours go into them, and replaced at once or not at all.
#pragma once

#include <filesystem>
#include <string>

namespace sparsetrain::tune {

// Where the result goes and where all else is kept, which need not exist yet. Throws Error(invalid_argument)
// unless `out` is a plain file, or none in a folder, that can be replaced, and `work` a folder, or none, that
// can be written to; and where `out` holds something but `work` has no journal from which it could be written
// again. Leaves nothing behind.
void check_output(const std::filesystem::path& out, const std::filesystem::path& work);

// Replaces a plain file, or begins it; throws Error(invalid_argument) for anything else, and if it cannot be
// written. What was there stays then.
void replace_file(const std::filesystem::path& file, const std::string& text);

// Of the journal in `work`.
std::filesystem::path journal_in(const std::filesystem::path& work);

}  // namespace sparsetrain::tune
