// Short runs of the `sparsetrain` program on images of their own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "idx_writer.h"
#include "program.h"
#include "temporary_directory.h"

namespace sparsetrain::test {

using Arguments = std::vector<std::string>;

inline void expect_contains(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in:\n" << text;
}

// An environment variable of the programs that a test starts; null: they have none of that name.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* given = std::getenv(name)) before_ = given;
        set(value);
    }
    ~Variable() { set(before_ ? before_->c_str() : nullptr); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    void set(const char* value) const {
        if (value == nullptr) {
            unsetenv(name_);
        } else {
            setenv(name_, value, 1);
        }
    }

    const char* name_;
    std::optional<std::string> before_;
};

class ShortRun : public testing::Test {
  protected:
    ShortRun() {
        write_split(directory_.path(), "train", 40);
        write_split(directory_.path(), "t10k", 11);  // the last batch is partial
    }
    Arguments arguments(Arguments more) const {
        Arguments all{"train", "--data-dir", directory_.path(), "--batch", "4", "--metrics", metrics_};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    std::vector<nlohmann::json> records() const {
        std::vector<nlohmann::json> all;
        std::ifstream file(metrics_);
        for (std::string line; std::getline(file, line);) all.push_back(nlohmann::json::parse(line));
        return all;
    }

    TemporaryDirectory directory_;
    const std::string metrics_ = directory_ / "metrics.jsonl";
};

}  // namespace sparsetrain::test
