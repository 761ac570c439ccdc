#include "tune/tuner.h"

#include <algorithm>
#include <set>

#include "tune/files.h"

namespace sparsetrain::tune {
namespace {

constexpr std::size_t kRowsPerTurn = 4;
constexpr int kRounds = 3, kRoundsToConfirm = 5;
constexpr double kHope = 0.88;        // slower rows are given up after a round
constexpr double kLeastGain = 0.005;  // below it nothing is called faster, however calm the machine is
const std::vector<int> kPercentsToCompare = {0, 30, 50, 70, 90};

}  // namespace

Tuner::Tuner(TuningRequest request, const schedules::Tables& tables, Workshop& workshop, Journal& journal,
             Watcher& watcher)
    : request_(std::move(request)),
      tables_(tables),
      workshop_(workshop),
      journal_(journal),
      watcher_(watcher),
      arena_(workshop, journal, [this] { return must_stop(); }),
      findings_(journal.records()),
      start_(Clock::now()) {
    for (const Subject& subject : request_.subjects)
        searches_.push_back({subject, SearchSpace(subject, tables), {}});
}

bool Tuner::must_stop() const {
    return watcher_.wants_to_stop() || seconds_spent() >= request_.budget_seconds;
}

void Tuner::show(const std::string& doing, const Subject& subject) {
    int tried = 0;
    for (const auto& [name, trials] : findings_.trials) tried += static_cast<int>(trials.size());
    const double spent = seconds_spent();
    watcher_.show({doing + " " + subject.name(), tried, best_speed(subject), spent,
                   std::max(0.0, request_.budget_seconds - spent)});
}

void Tuner::add(const Json& record) {
    journal_.append(record);
    findings_.add(record);
}

void Tuner::write_table() const {
    const TunedRows rows = tuned_rows(findings_, all_subjects(), request_.layers, tables_);
    replace_file(request_.out, schedule_header(tables_, rows, request_.comment));
}

void Tuner::run() {
    write_table();
    std::set<std::pair<std::string, Pass>> compared;
    for (const Subject& subject : request_.subjects) {
        if (must_stop()) return;
        if (compared.insert({subject.layer_class, subject.pass}).second) compare_with_dense(subject);
    }
    while (Search* search = next_search()) {
        const double begin = seconds_spent();
        take_turn(*search);
        seconds_of_turns_ += seconds_spent() - begin;
        ++turns_;
    }
}

// Time goes where the last turn gained something, then to whoever had the fewest turns in vain. What could
// not be finished within the budget is not begun.
Tuner::Search* Tuner::next_search() {
    const double usual = turns_ == 0 ? 0 : seconds_of_turns_ / turns_;
    if (must_stop() || seconds_spent() + usual > request_.budget_seconds) return nullptr;
    Search* next = nullptr;
    for (Search& search : searches_) {
        if (search.is_over) continue;
        if (next == nullptr || search.turns_without_gain < next->turns_without_gain) next = &search;
    }
    return next;
}

TileSizes Tuner::best_sizes(const Search& search) const {
    const auto winner = findings_.winners.find(search.subject.name());
    return winner == findings_.winners.end() ? search.space.today() : winner->second.first;
}

double Tuner::best_speed(const Subject& subject) const {
    const auto winner = findings_.winners.find(subject.name());
    return winner == findings_.winners.end() ? 1.0 : winner->second.second.speed;
}

std::vector<std::string> Tuner::layers_for(const Subject& subject, const std::vector<TileSizes>& rows) const {
    std::vector<std::string> names;
    for (const bench::Layer& layer : request_.layers) {
        bool used = is_used(subject, layer, tables_, {});
        for (const TileSizes& row : rows)
            used = used || is_used(subject, layer, tables_, {{subject.name(), row}});
        if (used) names.push_back(layer.name);
    }
    return names;
}

Contest Tuner::contest_of(const Search& search, int rounds, double hope) const {
    const Subject& subject = search.subject;
    const std::vector<int> percents =
        subject.kernel == Kernel::dense ? std::vector<int>{0} : request_.percents;
    return {subject.pass, search.layers, percents, rounds, hope, sparsetrain::to_string(subject.kernel), {}};
}

void Tuner::take_turn(Search& search) {
    const Subject& subject = search.subject;
    std::set<TileSizes> tried = {search.space.today()};
    for (const auto& [sizes, trial] : findings_.trials[subject.name()]) tried.insert(sizes);
    const std::vector<TileSizes> next = search.space.next(best_sizes(search), tried, kRowsPerTurn);
    search.layers = layers_for(subject, next);
    if (next.empty() || search.layers.empty()) {
        search.is_over = true;
        return;
    }
    std::vector<CandidateRow> rows(next.size());
    std::transform(next.begin(), next.end(), rows.begin(), [&](const TileSizes& sizes) {
        return CandidateRow{subject, sizes};
    });
    show("building " + std::to_string(rows.size()) + " rows of", subject);
    const std::set<std::string> failed = workshop_.build(rows, [this] { return must_stop(); });
    Contest contest = contest_of(search, kRounds, kHope);
    for (const CandidateRow& row : rows)
        if (!failed.contains(row.name())) contest.contestants.push_back(contest.baseline + ":" + row.name());
    if (must_stop()) return;
    show("measuring", subject);
    std::optional<Standings> standings = arena_.hold(contest, "search");
    if (!standings) return;
    for (const std::string& name : failed)
        (*standings)[contest.baseline + ":" + name].failure = "does not compile";
    judge(search, rows, *standings);
}

// Trials count only once the best of them, if it promises anything, is confirmed: whoever is interrupted
// before that tries them again.
void Tuner::judge(Search& search, const std::vector<CandidateRow>& rows, const Standings& standings) {
    const double before = best_speed(search.subject);
    const CandidateRow* best = nullptr;
    double best_of_rows = before + kLeastGain;
    std::vector<Json> trials;
    for (const CandidateRow& row : rows) {
        const Standing& standing =
            standings.at(std::string(sparsetrain::to_string(search.subject.kernel)) + ":" + row.name());
        const Speed speed = standing.speed();
        trials.push_back(trial_record(row.subject, row.sizes, {speed, standing.failure}));
        if (!standing.failure.empty() || speed.speed <= best_of_rows) continue;
        best = &row;
        best_of_rows = speed.speed;
    }
    if (best != nullptr && !confirm(search, *best)) return;
    for (const Json& trial : trials) add(trial);
    search.turns_without_gain = best_speed(search.subject) > before ? 0 : search.turns_without_gain + 1;
}

// The best of several is best by luck, too: alone and once more, its luck is another.
bool Tuner::confirm(const Search& search, const CandidateRow& row) {
    show("confirming a row of", search.subject);
    Contest contest = contest_of(search, kRoundsToConfirm, 0);
    contest.contestants = {contest.baseline + ":" + row.name()};
    const std::optional<Standings> standings = arena_.hold(contest, "confirm");
    if (!standings) return false;
    const Standing& standing = standings->at(contest.contestants.front());
    const Speed speed = standing.speed();
    const double least = std::max(1 + std::max(speed.noise, kLeastGain), best_speed(search.subject));
    if (!standing.failure.empty() || speed.speed <= least) return true;
    add(winner_record(row.subject, row.sizes, speed));
    write_table();
    compare_with_dense(search.subject);
    return true;
}

// The contestant for a kernel with the best rows so far, and the candidates that it consists of.
std::string Tuner::best_of(const Subject& any_of_pass, Kernel kernel,
                           std::vector<CandidateRow>& needed) const {
    std::string name = sparsetrain::to_string(kernel);
    char separator = ':';
    for (const Subject& subject : all_subjects()) {
        const auto winner = findings_.winners.find(subject.name());
        if (winner == findings_.winners.end() || !subject.is_of(any_of_pass, kernel)) continue;
        needed.push_back({subject, winner->second.first});
        name += separator + needed.back().name();
        separator = '+';
    }
    return name;
}

void Tuner::compare_with_dense(const Subject& any_of_pass) {
    for (const Kernel kernel : kernels()) {
        if (kernel == Kernel::dense) continue;
        const std::vector<Subject> subjects = all_subjects();
        const bool exists = std::any_of(subjects.begin(), subjects.end(), [&](const Subject& subject) {
            return subject.is_of(any_of_pass, kernel);
        });
        if (exists && !must_stop()) compare_with_dense(any_of_pass, kernel);
    }
}

void Tuner::compare_with_dense(const Subject& any_of_pass, Kernel kernel) {
    std::vector<CandidateRow> needed;
    DenseComparison comparison = {
        best_of(any_of_pass, Kernel::dense, needed), best_of(any_of_pass, kernel, needed), {}};
    const std::string name = any_of_pass.kernel_name(kernel);
    const auto known = findings_.comparisons.find(name);
    if (known != findings_.comparisons.end() && known->second.dense == comparison.dense &&
        known->second.kernel == comparison.kernel)
        return;
    Contest contest = {any_of_pass.pass,   {}, kPercentsToCompare, kRounds, 0, comparison.dense,
                       {comparison.kernel}};
    for (const bench::Layer& layer : request_.layers)
        if (is_of_class(layer, any_of_pass) && may_skip_zeros(layer)) contest.layers.push_back(layer.name);
    if (contest.layers.empty()) return;
    show("comparing " + std::string(sparsetrain::to_string(kernel)) + " with dense in the pass of",
         any_of_pass);
    workshop_.build(needed, [this] { return must_stop(); });
    if (must_stop()) return;
    const std::optional<Standings> standings = arena_.hold(contest, "compare");
    if (!standings) return;
    const Standing& standing = standings->at(comparison.kernel);
    if (!standing.failure.empty()) throw std::runtime_error(comparison.kernel + ": " + standing.failure);
    for (const ProblemSpeeds& problem : standing.problems)
        comparison.speeds[problem.layer][problem.percent] = problem.median();
    add(comparison_record(name, comparison));
    write_table();
}

}  // namespace sparsetrain::tune
