// Where candidates are built and measured: a small CMake project that uses the installed package.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tune/subject.h"

namespace sparsetrain::tune {

struct CandidateRow {
    Subject subject;
    TileSizes sizes;

    std::string name() const { return candidate_name(subject, sizes); }
};

// The installed package that `program`, this executable, belongs to: where its CMake files and its list of
// layers are. Throws Error(unsupported) if it does not belong to one.
struct Package {
    std::filesystem::path cmake_files, layers;

    static Package of(const std::filesystem::path& program);
};

// One pass of some layers, by contestants against a baseline; see tune/harness/contest.h.
struct Contest {
    Pass pass;
    std::vector<std::string> layers;
    std::vector<int> percents;
    int rounds;
    double hope;
    std::string baseline;
    std::vector<std::string> contestants;
};

class Workshop {
  public:
    using Stop = std::function<bool()>;

    // Makes the directory. `layers` is the file of problem strings that contests name layers of. Throws
    // Error(unsupported), and makes nothing, if CMake or ninja are missing, or CMake is older than this
    // project needs.
    Workshop(std::filesystem::path directory, const Package& package, std::string uarch,
             std::filesystem::path layers);

    // Builds candidates and the program that measures them. Returns the names of those that could not be
    // built; the program has the others. Throws std::runtime_error, which names the log, if it cannot be
    // built at all.
    std::set<std::string> build(const std::vector<CandidateRow>& candidates, const Stop& stop);

    // Runs the program that was built last, and hands on its JSON lines. False if it did not get to the end.
    bool measure(const Contest& contest, const std::function<void(const nlohmann::ordered_json&)>& on_line,
                 const Stop& stop) const;

    const std::filesystem::path& log() const { return log_; }

  private:
    bool run_cmake(std::vector<std::string> words, const Stop& stop) const;
    void write_project(const std::vector<CandidateRow>& candidates,
                       const std::set<std::string>& failed) const;

    std::filesystem::path directory_, build_, layers_, log_;
    std::string uarch_;
};

}  // namespace sparsetrain::tune
