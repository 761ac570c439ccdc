// What a journal's records say.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tune/layers.h"
#include "tune/record_check.h"
#include "tune/table_writer.h"

namespace sparsetrain::tune {

// A speed relative to something: the geometric mean over layers and percents. `noise`: half the range of
// that of single rounds.
struct Speed {
    double speed = 1, noise = 0;
};

// A row that was tried. `failure` is empty, or why its speed does not count.
struct Trial {
    Speed speed;
    std::string failure;
};

// Speeds over dense of a kernel, by layer and percent, and who was measured.
struct DenseComparison {
    std::string dense, kernel;  // contestants (tune/harness/contest.h)
    std::map<std::string, std::map<int, double>> speeds;
};

class Findings {
  public:
    explicit Findings(const std::vector<Json>& records) {
        for (const Json& record : records) add(record);
    }
    void add(const Json& record);

    // By the names of subjects. Winners are confirmed: measured once more, alone, against today's row.
    std::map<std::string, std::map<TileSizes, Trial>> trials;
    std::map<std::string, std::pair<TileSizes, Speed>> winners;
    // By class, pass and kernel: "conv3x3_stride1/fwd/zero_skip".
    std::map<std::string, DenseComparison> comparisons;

    // The sizes of all winners.
    Replacements winning_sizes() const;
};

// The records.
Json trial_record(const Subject& subject, const TileSizes& sizes, const Trial& trial);
Json winner_record(const Subject& subject, const TileSizes& sizes, const Speed& speed);
Json comparison_record(const std::string& kernel, const DenseComparison& comparison);

// What becomes of the rows of `subjects`: winners, and the costs of all kernels that were compared with dense
// on any of `layers`.
TunedRows tuned_rows(const Findings& findings, const std::vector<Subject>& subjects,
                     const std::vector<bench::Layer>& layers, const schedules::Tables& tables);

// A table in Markdown: of every subject today's row, that of the winner and its speed; of all together the
// geometric mean.
std::string summary(const Findings& findings, const std::vector<Subject>& subjects,
                    const schedules::Tables& tables);

}  // namespace sparsetrain::tune
