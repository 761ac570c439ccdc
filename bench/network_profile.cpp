#include "network_profile.h"

#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sparsetrain::bench {
namespace {

constexpr const char* kHeader = "network,relu_output,epochs_per_mean,mean,means";

struct Row {
    std::string network, output;
    double mean = 0;
};

bool parse_row(const std::string& line, Row& row) {
    std::istringstream fields(line);
    std::string period, mean;
    if (!std::getline(fields, row.network, ',') || !std::getline(fields, row.output, ',') ||
        !std::getline(fields, period, ',') || !std::getline(fields, mean, ','))
        return false;
    const auto [end, error] = std::from_chars(mean.data(), mean.data() + mean.size(), row.mean);
    return error == std::errc() && end == mean.data() + mean.size() && row.mean >= 0 && row.mean <= 100;
}

}  // namespace

std::vector<double> profile_of(const std::filesystem::path& path, const std::string& network) {
    const auto fail = [&](const std::string& what) { throw std::runtime_error(path.string() + ": " + what); };
    std::ifstream file(path);
    if (!file) fail("cannot be read");
    std::vector<double> zeros;
    std::string line, before;
    bool has_header = false;
    for (int number = 1; std::getline(file, line); ++number) {
        if (line.empty() || line.front() == '#') continue;
        if (!has_header) {
            if (line != kHeader) fail(std::string("expected the header ") + kHeader + ", found " + line);
            has_header = true;
            continue;
        }
        Row row;
        if (!parse_row(line, row))
            fail("line " + std::to_string(number) +
                 ": expected a network, an output, a number, a mean in %, found " + line);
        if (row.network != network) continue;
        if (row.output.starts_with("pool") && !before.starts_with("pool") && !zeros.empty()) zeros.pop_back();
        zeros.push_back(row.mean);
        before = row.output;
    }
    if (zeros.empty()) fail("expected rows of " + network + ", found none");
    return zeros;
}

}  // namespace sparsetrain::bench
