#include "compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string_view>

namespace sparsetrain::test {

namespace {

using reference::Element;
using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

// Collects differences; reports their number and the first few.
class Differences {
  public:
    template <typename... Parts>
    void add(const Parts&... parts) {
        if (count_++ < 4) (text_ << ... << parts) << "\n";
    }
    AssertionResult result() const {
        if (count_ == 0) return AssertionSuccess();
        return AssertionFailure() << count_ << " wrong elements, first:\n" << text_.str();
    }

  private:
    long count_ = 0;
    std::ostringstream text_;
};

struct Index {
    const char* name;
    int i[4];
};

std::ostream& operator<<(std::ostream& out, const Index& index) {
    out << index.name << "[" << index.i[0];
    for (int d = 1; d < 4; ++d) out << ", " << index.i[d];
    return out << "]";
}

double rms(const std::vector<Element>& elements) {
    double squares = 0;
    for (const Element& element : elements) squares += element.value * element.value;
    return elements.empty() ? 0 : std::sqrt(squares / static_cast<double>(elements.size()));
}

// What any of these may be off by, besides what its sum loses in float.
struct Tolerance {
    Tolerance(const Precision& precision, const std::vector<Element>& expected)
        : sums_are_exact(precision.sums_are_exact), of_kernel(precision.error_bound * rms(expected)) {}

    bool sums_are_exact;
    double of_kernel;
};

void compare(const Element& expected, float result, const Tolerance& tolerance, const Index& index,
             Differences& differences) {
    const double of_sum = tolerance.sums_are_exact ? 0 : reference::rounding_bound(expected);
    const double bound = of_sum + tolerance.of_kernel;
    if (std::abs(static_cast<double>(result) - expected.value) <= bound) return;
    differences.add(index, ": expected ", expected.value, " +- ", bound, ", given ", result);
}

}  // namespace

Precision precision_of(Values values, const LayerClassInfo& layer, Pass pass, Policy policy) {
    Precision precision{values == Values::integers, 0};
    for (const Kernel kernel : kernels_of(layer, pass)) {
        if (policy == Policy::automatic || std::string_view(to_string(kernel)) == to_string(policy))
            precision.error_bound = std::max(precision.error_bound, error_bound_of(layer, pass, kernel));
    }
    return precision;
}

AssertionResult matches(const std::vector<Element>& expected, const TestTensor& result, Precision precision) {
    const Shape& shape = result.shape;
    const Tolerance tolerance(precision, expected);
    Differences differences;
    auto element = expected.begin();
    for (int n = 0; n < shape.n; ++n)
        for (int c = 0; c < channel_blocks(shape.c) * kLanes; ++c)
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x)
                    compare(c < shape.c ? *element++ : Element{}, reference::at(result.view(), n, c, y, x),
                            tolerance, {"(n, c, y, x) = ", {n, c, y, x}}, differences);
    if (element != expected.end()) return AssertionFailure() << "the reference has another size";
    return differences.result();
}

AssertionResult matches(const std::vector<Element>& expected, const TestWeights& result,
                        Precision precision) {
    const WeightsShape& shape = result.shape;
    const Tolerance tolerance(precision, expected);
    Differences differences;
    auto element = expected.begin();
    for (int k = 0; k < channel_blocks(shape.k) * kLanes; ++k)
        for (int c = 0; c < channel_blocks(shape.c) * kLanes; ++c)
            for (int r = 0; r < shape.r; ++r)
                for (int s = 0; s < shape.s; ++s)
                    compare(k < shape.k && c < shape.c ? *element++ : Element{}, result.at(k, c, r, s),
                            tolerance, {"(k, c, r, s) = ", {k, c, r, s}}, differences);
    if (element != expected.end()) return AssertionFailure() << "the reference has another size";
    return differences.result();
}

AssertionResult matches(const std::vector<Element>& expected, const Guarded<float>& result,
                        Precision precision) {
    if (expected.size() != result.size()) return AssertionFailure() << "the reference has another size";
    const Tolerance tolerance(precision, expected);
    Differences differences;
    for (std::size_t k = 0; k < expected.size(); ++k)
        compare(expected[k], result[k], tolerance, {"(k) = ", {static_cast<int>(k), 0, 0, 0}}, differences);
    return differences.result();
}

AssertionResult marks_nonzeros_of(const TestTensor& tensor, const TestMask& mask) {
    Differences differences;
    for (std::size_t i = 0; i < tensor.memory.size(); ++i) {
        const bool bit = (mask.memory[i / kLanes] >> (i % kLanes) & 1) != 0;
        const float value = tensor.memory[i];
        if (bit != (value != 0)) differences.add("float ", i, " is ", value, ", its bit ", bit);
    }
    return differences.result();
}

AssertionResult same_bits(std::span<const float> a, std::span<const float> b) {
    if (a.size() != b.size()) return AssertionFailure() << "sizes " << a.size() << " and " << b.size();
    Differences differences;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0)
            differences.add("float ", i, ": ", a[i], " and ", b[i]);
    }
    return differences.result();
}

double nonzero_fraction(const std::vector<Element>& elements) {
    const auto nonzeros =
        std::count_if(elements.begin(), elements.end(), [](const Element& e) { return e.value != 0; });
    const auto summed =
        std::count_if(elements.begin(), elements.end(), [](const Element& e) { return e.terms > 0; });
    return summed == 0 ? 0 : static_cast<double>(nonzeros) / static_cast<double>(summed);
}

}  // namespace sparsetrain::test
