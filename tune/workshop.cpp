#include "tune/workshop.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "sparsetrain/error.h"
#include "tune/process.h"
#include "tune/text.h"

namespace sparsetrain::tune {
namespace {

namespace fs = std::filesystem;

// Written only where it changes, so that nothing is built again for nothing.
void write_if_new(const fs::path& file, const std::string& text) {
    std::ostringstream old;
    if (std::ifstream in(file); in) old << in.rdbuf();
    if (old.str() == text) return;
    std::ofstream out(file);
    out << text << std::flush;
    if (!out) throw std::runtime_error(file.string() + ": cannot be written");
}

// A path between quotes.
std::string quoted(const fs::path& path) {
    std::string text = "\"";
    for (const char c : path.string()) {
        if (c == '"' || c == '\\' || c == '$') text += '\\';
        text += c;
    }
    return text + "\"";
}

// The first line of `program --version`. Throws Error(unsupported).
std::string version_of(const std::string& program) {
    std::string version;
    const auto take = [&](const std::string& line) {
        if (version.empty()) version = line;
    };
    if (run_program({program, "--version"}, "/dev/null", take, [] { return false; })) return version;
    throw Error(ErrorCode::unsupported, "expected `" + program + " --version` to work, which fails");
}

// Major and minor in one; 0 for what is no version.
int number_of(const std::string& version) {
    int major = 0, minor = 0;
    return std::sscanf(version.c_str(), "%d.%d", &major, &minor) == 2 ? 1000 * major + minor : 0;
}

// What is missing or too old is told here: from a build, it would only be in the log.
void check_tools() {
    const std::string found = version_of("cmake"), prefix = "cmake version ";
    if (!found.starts_with(prefix) ||
        number_of(found.substr(prefix.size())) < number_of(SPARSETRAIN_CMAKE_MINIMUM))
        throw Error(ErrorCode::unsupported, "expected CMake " SPARSETRAIN_CMAKE_MINIMUM
                                            " or newer in PATH, found " +
                                                (found.empty() ? "one that says no version" : found));
    version_of("ninja");
}

std::string add_candidate(const CandidateRow& row, const std::string& uarch) {
    const Subject& subject = row.subject;
    std::ostringstream line;
    line << "sparsetrain_add_candidate(NAME " << row.name() << " CLASS " << subject.layer_class << " FILTER "
         << subject.size.filter_h << " " << subject.size.filter_w << " STRIDE " << subject.size.stride
         << " UARCH " << uarch << " PASS " << to_string(subject.pass) << " KERNEL "
         << to_string(subject.kernel);
    if (!subject.blocking.empty()) line << " BLOCKING " << subject.blocking;
    line << " TILES " << to_string(row.sizes) << ")\n";
    return line.str();
}

}  // namespace

Package Package::of(const fs::path& program) {
    const fs::path binaries = fs::canonical(program).parent_path();
    Package package = {(binaries / SPARSETRAIN_TO_CMAKE_FILES).lexically_normal(),
                       (binaries / SPARSETRAIN_TO_LAYERS).lexically_normal()};
    if (!fs::exists(package.cmake_files / "SparseTrainTune.cmake"))
        throw Error(ErrorCode::unsupported,
                    "expected the installed package of archives that this program belongs to in " +
                        package.cmake_files.string() +
                        ", where there is none: install it (cmake --install build/release --prefix PREFIX) "
                        "and run PREFIX/bin/sparsetrain");
    return package;
}

Workshop::Workshop(fs::path directory, const Package& package, std::string uarch, fs::path layers)
    : directory_(std::move(directory)),
      build_(directory_ / "build"),
      layers_(std::move(layers)),
      log_(directory_ / "log.txt"),
      uarch_(std::move(uarch)) {
    check_tools();
    fs::create_directories(directory_);
    write_if_new(directory_ / "CMakeLists.txt",
                 "# Written by `sparsetrain tune`.\n"
                 "cmake_minimum_required(VERSION " SPARSETRAIN_CMAKE_MINIMUM
                 ")\n"
                 "project(sparsetrain_tune LANGUAGES CXX)\n"
                 "find_package(SparseTrain CONFIG REQUIRED NO_DEFAULT_PATH PATHS " +
                     quoted(package.cmake_files) +
                     ")\n"
                     "include(candidates.cmake)\n");
}

bool Workshop::run_cmake(std::vector<std::string> words, const Stop& stop) const {
    words.insert(words.begin(), "cmake");
    std::ofstream log(log_, std::ios::app);
    const auto write = [&](const std::string& line) { log << line << '\n' << std::flush; };
    return run_program(std::move(words), log_, write, stop);
}

void Workshop::write_project(const std::vector<CandidateRow>& candidates,
                             const std::set<std::string>& failed) const {
    std::string lines, linked;
    for (const CandidateRow& row : candidates) {
        lines += add_candidate(row, uarch_);
        if (!failed.contains(row.name())) add_to_list(linked, row.name(), " ");
    }
    write_if_new(directory_ / "candidates.cmake", lines + "sparsetrain_add_measurement(" + linked + ")\n");
}

std::set<std::string> Workshop::build(const std::vector<CandidateRow>& candidates, const Stop& stop) {
    const auto configure = [&] {
        return run_cmake({"-S", directory_.string(), "-B", build_.string(), "-G", "Ninja", "-D",
                          "CMAKE_BUILD_TYPE=Release"},
                         stop);
    };
    const auto fail = [this](const char* what) {
        throw std::runtime_error(std::string(what) + " failed: see " + log_.string());
    };
    std::set<std::string> failed;
    write_project(candidates, failed);
    if (!configure()) {
        if (stop()) return failed;
        fail("to configure the project that measures (by cmake, with the compiler of CXX or c++)");
    }
    // Candidates one after the other only if they do not build together.
    if (run_cmake({"--build", build_.string(), "--target", "measure"}, stop) || stop()) return failed;
    for (const CandidateRow& row : candidates) {
        if (!run_cmake({"--build", build_.string(), "--target", row.name()}, stop) && !stop())
            failed.insert(row.name());
    }
    if (stop()) return failed;
    write_project(candidates, failed);
    if (!run_cmake({"--build", build_.string(), "--target", "measure"}, stop) && !stop())
        fail("to build the program that measures");
    return failed;
}

bool Workshop::measure(const Contest& contest,
                       const std::function<void(const nlohmann::ordered_json&)>& on_line,
                       const Stop& stop) const {
    std::vector<std::string> words = {(build_ / "measure").string(),
                                      "--layers",
                                      layers_.string(),
                                      "--pass",
                                      to_string(contest.pass),
                                      "--rounds",
                                      std::to_string(contest.rounds),
                                      "--hope",
                                      std::to_string(contest.hope),
                                      "--baseline",
                                      contest.baseline};
    const auto add_all = [&](const char* option, const auto& values, const auto& text_of) {
        // In one word, as a name may begin with a dash.
        for (const auto& value : values)
            words.push_back(std::string(option).append("=").append(text_of(value)));
    };
    const auto same = [](const std::string& text) { return text; };
    add_all("--layer", contest.layers, same);
    add_all("--percents", contest.percents, [](int percent) { return std::to_string(percent); });
    add_all("--contestant", contest.contestants, same);
    return run_program(
        std::move(words), log_,
        [&](const std::string& line) { on_line(nlohmann::ordered_json::parse(line)); }, stop);
}

}  // namespace sparsetrain::tune
