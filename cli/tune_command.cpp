#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/progress.h"
#include "cli/status_line.h"
#include "microarchitecture.h"
#include "sparsetrain/error.h"
#include "sparsetrain/library.h"
#include "tune/explain.h"
#include "tune/files.h"
#include "tune/text.h"
#include "tune/tuner.h"

namespace sparsetrain::cli {
namespace {

namespace fs = std::filesystem;

bool contains(const std::vector<std::string>& words, const std::string& word) {
    return words.empty() || std::find(words.begin(), words.end(), word) != words.end();
}

// Throws Error(invalid_argument) if there are none.
std::vector<tune::Subject> chosen_subjects(const TuneOptions& options) {
    std::vector<tune::Subject> subjects;
    std::string all;
    for (const tune::Subject& subject : tune::all_subjects()) {
        tune::add_to_list(all, subject.name());
        if (contains(options.classes, subject.layer_class) &&
            contains(options.passes, to_string(subject.pass)) &&
            contains(options.kernels, to_string(subject.kernel)) &&
            (options.blockings.empty() || contains(options.blockings, subject.blocking)))
            subjects.push_back(subject);
    }
    if (subjects.empty())
        throw Error(ErrorCode::invalid_argument,
                    "expected a --class, --pass, --kernel and --blocking that go together, of " + all);
    return subjects;
}

// Subjects none of whose layers is measured have nothing to gain.
void keep_measurable(std::vector<tune::Subject>& subjects, const std::vector<bench::Layer>& layers) {
    std::string asked;
    for (const tune::Subject& subject : subjects) tune::add_to_list(asked, subject.name());
    std::erase_if(subjects, [&](const tune::Subject& subject) {
        return std::none_of(layers.begin(), layers.end(),
                            [&](const bench::Layer& layer) { return tune::is_of_class(layer, subject); });
    });
    if (subjects.empty())
        throw Error(ErrorCode::invalid_argument, "expected layers of a class of " + asked + ", given none");
}

std::string today() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d", &utc);
    return text.data();
}

std::string comment_of(const TuneOptions& options, const schedules::Tables& tables) {
    return "Schedules that `sparsetrain tune` chose on " + cpu_model() + ", " + today() + ", by\n    " +
           options.command + "\nin place of those of " + tables.name +
           ". Speeds behind rows are geometric means over layers and percentages of zeros, relative to\n"
           "the tile sizes named there. Rows and costs without a remark are those of " +
           tables.name + ".\n";
}

class TuneProgress : public tune::Watcher {
  public:
    void show(const tune::TuningStatus& status) override {
        std::array<char, 64> numbers{};
        std::snprintf(numbers.data(), numbers.size(), "%d rows tried, best %.2fx, ETA %s", status.rows_tried,
                      status.best, format_duration(status.seconds_left).c_str());
        const double share = status.seconds_spent / (status.seconds_spent + status.seconds_left);
        const std::string line = std::string(numbers.data()) + ": " + status.doing;
        line_.show(format_bar(share) + " " + line, line, true);
    }
    bool wants_to_stop() const override { return InterruptGuard::requested(); }
    void finish() { line_.finish(); }

  private:
    InterruptGuard interrupt_;
    StatusLine line_;
};

tune::Json header_of(const TuneOptions& options, const schedules::Tables& tables, const std::string& layers) {
    return {{"record", "header"},   {"sparsetrain", version()}, {"cpu", cpu_model()},
            {"uarch", tables.name}, {"layers", layers},         {"percents", options.percents}};
}

void print_explanations(const TuneOptions& options, const schedules::Tables& tables) {
    const tune::Findings findings(tune::Journal::read(tune::journal_in(options.work_directory()), tables));
    for (const tune::Subject& subject : chosen_subjects(options))
        std::printf("%s\n", tune::explain(subject, tables, findings).c_str());
}

}  // namespace

int run_tune(const TuneOptions& options) {
    const schedules::Tables& tables = detail::required_tables();
    if (options.explain) {
        print_explanations(options, tables);
        return 0;
    }
    std::vector<tune::Subject> subjects = chosen_subjects(options);
    const tune::Package package = tune::Package::of("/proc/self/exe");
    const fs::path layers_file = options.layers_file.empty() ? package.layers : fs::path(options.layers_file);
    const std::vector<bench::Layer> layers = tune::read_layers(
        layers_file, options.layers,
        [](const std::string& skipped) { std::fprintf(stderr, "sparsetrain: %s\n", skipped.c_str()); });
    keep_measurable(subjects, layers);

    const fs::path work = fs::absolute(options.work_directory());
    tune::check_output(options.out, work);
    tune::Workshop workshop(work, package, tables.name, work / "layers.txt");
    tune::Journal journal(tune::journal_in(work), header_of(options, tables, tune::to_lines(layers)), tables);
    tune::replace_file(work / "layers.txt", tune::to_lines(layers));
    TuneProgress progress;
    tune::Tuner tuner({subjects, layers, options.percents, options.budget_seconds(), options.out,
                       comment_of(options, tables)},
                      tables, workshop, journal, progress);
    tuner.run();
    progress.finish();

    const std::string summary = tune::summary(tuner.findings(), subjects, tables);
    tune::replace_file(work / "summary.md", summary);
    std::printf("%s\n%s%s, for -DSPARSETRAIN_SCHEDULES; the table above is in %s\n", summary.c_str(),
                progress.wants_to_stop() ? "interrupted; the same command goes on\n" : "",
                options.out.c_str(), (work / "summary.md").c_str());
    return InterruptGuard::exit_status();
}

}  // namespace sparsetrain::cli
