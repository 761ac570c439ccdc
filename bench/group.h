// Groups of benchmarks that are compared: one (layer, pass, percent of zeros), all implementations.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "implementation.h"
#include "layer_list.h"

namespace sparsetrain::bench {

inline constexpr Pass kPasses[] = {Pass::fwd, Pass::bwd_data, Pass::bwd_weights};
inline constexpr int kZerosPercents[] = {0, 30, 50, 70, 80, 90, 95};

struct GroupKey {
    const Layer* layer;
    Pass pass;
    int zeros_percent;
    bool operator==(const GroupKey&) const = default;
};

// `conv/<pass>/<layer>/z<percent>/<implementation>`
std::string benchmark_name(const GroupKey& key, const char* implementation);

// The data of one group.
class Group {
  public:
    explicit Group(const GroupKey& key) : key_(key) {}

    // An implementation that computed its problem once, with this outcome.
    struct Contestant {
        std::unique_ptr<Implementation> implementation;
        std::size_t samples;  // of the result that were compared
        std::string failure;  // empty if its result was right
    };
    // Made, and its result checked, when first asked for.
    Contestant& contestant(const ImplementationEntry& entry);

    const GroupKey& key() const { return key_; }

  private:
    Problem& problem(ZerosIn zeros_in);

    GroupKey key_;
    std::map<ZerosIn, Problem> problems_;  // those that somebody needed
    std::map<std::string, Contestant> contestants_;
};

// Keeps the group that was asked for last: benchmarks of a group run in a row, and data of two large layers
// at a time would cost memory for nothing.
class CurrentGroup {
  public:
    Group& get(const GroupKey& key);

  private:
    std::optional<Group> group_;
};

}  // namespace sparsetrain::bench
