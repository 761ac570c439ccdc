// What a journal's records have to be: a journal is a file, which may be damaged, or changed by hand.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tune/subject.h"

namespace sparsetrain::tune {

using Json = nlohmann::ordered_json;

class RecordCheck {
  public:
    // Of tunings of these tables.
    explicit RecordCheck(const schedules::Tables& tables);

    // Each throws Error(invalid_argument), which says what was expected and what was found. The header is the
    // first record, and says which layers others may name.
    void header(const Json& record);
    void record(const Json& record) const;

  private:
    void trial(const Json& record) const;
    void winner(const Json& record) const;
    void comparison(const Json& record) const;
    void measurement(const Json& record) const;

    void sizes_of_subject(const Json& record) const;
    void layer_and_percent(const Json& record) const;

    const schedules::Tables& tables_;
    std::map<std::string, Subject> subjects_;
    std::set<std::string> kernels_;  // "conv3x3_stride1/fwd/zero_skip"
    std::string layers_;             // as problem strings
};

}  // namespace sparsetrain::tune
