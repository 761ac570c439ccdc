// The rows that are worth a thought: sizes that make sense, within the budgets of registers and L1.
#pragma once

#include <set>

#include "tune/cost_model.h"
#include "tune/subject.h"

namespace sparsetrain::tune {

class SearchSpace {
  public:
    SearchSpace(const Subject& subject, const schedules::Tables& tables);

    const TileSizes& today() const { return today_; }

    // Whether a row with these sizes keeps its budgets and is one that generators and stages know.
    bool is_valid(const TileSizes& sizes) const;

    // All valid rows, today's among them.
    std::vector<TileSizes> all() const;

    // Up to `count` rows that are not in `tried`, those with the least predicted cost first: the neighbours
    // of `best` (one size moved to the next one, or two in opposite directions), and rows with other tiles of
    // registers that the model likes best. None whose predicted cost is far above that of `best`: then the
    // search is at its end.
    std::vector<TileSizes> next(const TileSizes& best, const std::set<TileSizes>& tried,
                                std::size_t count) const;

    double predicted(const TileSizes& sizes) const { return predicted_time(subject_, tables_, sizes); }

  private:
    std::vector<TileSizes> neighbours(const TileSizes& sizes) const;
    std::vector<TileSizes> other_register_tiles(const TileSizes& sizes) const;

    Subject subject_;
    const schedules::Tables& tables_;
    TileSizes today_;
    std::vector<std::vector<int>> choices_;  // of each size, in order
};

}  // namespace sparsetrain::tune
