#include "tune/search_space.h"

#include <algorithm>

namespace sparsetrain::tune {
namespace {

using schedules::ClassSize;
using Choices = std::vector<std::vector<int>>;

std::vector<int> up_to(int last) {
    std::vector<int> numbers;
    for (int i = 1; i <= last; ++i) numbers.push_back(i);
    return numbers;
}

bool is_pointwise(const ClassSize& size) {
    return size.filter_h == 1 && size.filter_w == 1;
}

// At a stride, bwd_data of 1x1 has to sum in chunks, and of others cannot.
std::vector<int> dense_chunks(const Subject& subject) {
    const bool is_transposed = subject.pass == Pass::bwd_data && subject.size.stride > 1;
    if (!is_pointwise(subject.size)) return is_transposed ? std::vector{0} : std::vector{0, 1, 2, 4};
    return is_transposed ? std::vector{4, 8, 16, 32} : std::vector{0, 4, 8, 16, 32};
}

const std::vector<int> kGroups = {16, 32, 64};
const std::vector<int> kTileWidths = {2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 28};

// In the order of schedules/tiles.h.
Choices choices_of(const schedules::DenseRow&, const Subject& subject) {
    return {kTileWidths, up_to(6), {196, 280, 392, 784, 1120, 1568, 3136}, dense_chunks(subject)};
}
Choices choices_of(const schedules::DenseWeightsRow&, const Subject& subject) {
    return {{1, 2, 4, 8, 16}, up_to(subject.size.filter_w), up_to(4), {98, 196, 392, 784, 1568, 3136}};
}
Choices choices_of(const schedules::DensePlanarRow&, const Subject&) {
    return {kTileWidths, up_to(6), {392, 784, 1568, 3136, 6272}};
}
Choices choices_of(const schedules::DensePlanarWeightsRow&, const Subject& subject) {
    return {up_to(6), up_to(subject.size.filter_w), up_to(4), {196, 392, 784, 1568, 3136}};
}
Choices choices_of(const schedules::ZeroSkipRow&, const Subject&) {
    return {kGroups, up_to(8), {1, 2, 4, 7, 14, 28}, {100, 200, 256, 400, 800, 1600}};
}
Choices choices_of(const schedules::OutputMaskRow&, const Subject& subject) {
    const ClassSize& size = subject.size;
    return {kGroups,
            up_to(schedules::pieces(size.filter_h, size.stride)),
            up_to(30),
            {7, 14, 28, 56},
            {196, 392, 784, 1568}};
}
Choices choices_of(const schedules::ZeroSkipWeightsRow&, const Subject& subject) {
    return {up_to(subject.size.filter_h), {1, 2, 3, 4, 6, 8, 12, 16}, {4, 8, 12, 16, 20, 24, 32}};
}

Choices choices_of(const Subject& subject) {
    return with_table(subject, [&]<typename Row>(schedules::Table<Row> schedules::Tables::*) {
        return choices_of(Row{}, subject);
    });
}

void add_all(const Choices& choices, TileSizes& begun, std::vector<TileSizes>& all) {
    if (begun.size() == choices.size()) return all.push_back(begun);
    for (const int size : choices[begun.size()]) {
        begun.push_back(size);
        add_all(choices, begun, all);
        begun.pop_back();
    }
}

}  // namespace

SearchSpace::SearchSpace(const Subject& subject, const schedules::Tables& tables)
    : subject_(subject),
      tables_(tables),
      today_(sizes_of_today(subject, tables)),
      choices_(choices_of(subject)) {
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        std::set<int> sizes(choices_[i].begin(), choices_[i].end());
        sizes.insert(today_[i]);
        choices_[i].assign(sizes.begin(), sizes.end());
    }
}

bool SearchSpace::is_valid(const TileSizes& sizes) const {
    return fault_of(subject_, tables_, sizes).empty();
}

std::vector<TileSizes> SearchSpace::all() const {
    std::vector<TileSizes> rows;
    TileSizes begun;
    add_all(choices_, begun, rows);
    std::erase_if(rows, [this](const TileSizes& sizes) { return !is_valid(sizes); });
    return rows;
}

std::vector<TileSizes> SearchSpace::neighbours(const TileSizes& sizes) const {
    std::vector<TileSizes> found;
    // Moves size i by `step` places among its choices; false if there is no such place.
    const auto move = [this](TileSizes& of, std::size_t i, int step) {
        const auto at = std::find(choices_[i].begin(), choices_[i].end(), of[i]) - choices_[i].begin() + step;
        if (at < 0 || at >= std::ssize(choices_[i])) return false;
        of[i] = choices_[i][static_cast<std::size_t>(at)];
        return true;
    };
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        for (const int step : {-1, 1}) {
            TileSizes one = sizes;
            if (!move(one, i, step)) continue;
            found.push_back(one);
            for (std::size_t j = i + 1; j < sizes.size(); ++j) {
                TileSizes two = one;
                if (move(two, j, -step)) found.push_back(two);
            }
        }
    }
    std::erase_if(found, [this](const TileSizes& row) { return !is_valid(row); });
    return found;
}

// The sizes before those of blocks in memory, rows and pixels, are of the innermost loop: all others of
// these.
std::vector<TileSizes> SearchSpace::other_register_tiles(const TileSizes& sizes) const {
    const std::vector<std::string> names = tile_names(subject_);
    const auto of_memory = std::find_if(names.begin(), names.end(), [](const std::string& name) {
        return name == "rows" || name == "pixels";
    });
    const auto blocks = sizes.begin() + (of_memory - names.begin());
    std::vector<TileSizes> rows = all();
    std::erase_if(rows, [&](const TileSizes& row) {
        return !std::equal(blocks, sizes.end(), row.begin() + (of_memory - names.begin()));
    });
    return rows;
}

std::vector<TileSizes> SearchSpace::next(const TileSizes& best, const std::set<TileSizes>& tried,
                                         std::size_t count) const {
    constexpr std::size_t kTrustInModel = 6;  // of its best rows are tried, near or far
    constexpr double kMostAbove = 1.3;
    using Ranked = std::set<std::pair<double, TileSizes>>;  // by predicted cost
    const double most = kMostAbove * predicted(best);
    Ranked by_model, rows;
    for (const TileSizes& row : other_register_tiles(best)) by_model.insert({predicted(row), row});
    for (const auto& ranked : by_model)
        if (rows.size() < kTrustInModel) rows.insert(ranked);
    for (const TileSizes& row : neighbours(best)) rows.insert({predicted(row), row});
    std::vector<TileSizes> next;
    for (const auto& [cost, row] : rows)
        if (next.size() < count && cost <= most && row != best && !tried.contains(row)) next.push_back(row);
    return next;
}

}  // namespace sparsetrain::tune
