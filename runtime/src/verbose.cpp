#include "verbose.h"

#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <initializer_list>
#include <string_view>

#include "environment.h"
#include "lazily.h"
#include "sparsetrain/error.h"
#include "sparsetrain/library.h"

namespace sparsetrain::detail {

namespace {

constexpr const char* kVariable = "SPARSETRAIN_VERBOSE";

// In one write, so that lines of several threads and processes do not mix.
void print_line(std::string line) {
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

// With a point in any locale, as a comma ends a field.
std::string to_text(double value, int decimals) {
    std::array<char, 64> text{};
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals);
    return {text.data(), end.ptr};
}

void print_fields(const char* kind, std::initializer_list<std::string> fields) {
    std::string line = std::string("sparsetrain_verbose,") + kind;
    for (const std::string& field : fields) (line += ',') += field;
    print_line(std::move(line));
}

Lazily<int> level;
std::atomic<bool> is_announced = false;

void announce() {
    print_line(std::string("sparsetrain_verbose,info,sparsetrain,version:") + version() +
               ",uarch:" + microarchitecture() + ",isa:" + instruction_set());
}

// One direction: "ih56oh56kh3sh1dh0ph1" for 'h'.
std::string axis_string(char axis, int in, int out, int filter, int stride, int padding) {
    std::string text;
    const auto add = [&](const char* key, int value) { (text += key) += axis + std::to_string(value); };
    add("i", in);
    add("o", out);
    add("k", filter);
    add("s", stride);
    add("d", 0);
    add("p", padding);
    return text;
}

}  // namespace

int verbosity_of(const char* value) {
    if (value == nullptr) return 0;
    for (const char* known : {"0", "1", "2"})
        if (value == std::string_view(known)) return known[0] - '0';
    throw Error(ErrorCode::unsupported,
                std::string(kVariable) + ": expected 0, 1 or 2, given \"" + value + "\"");
}

int verbosity() {
    const int own = level.get([] { return verbosity_of(environment_variable(kVariable)); });
    if (own > 0 && !is_announced.exchange(true)) announce();
    return own;
}

std::string problem_string(const ConvShape& shape) {
    const Shape dst = shape.dst();
    return "mb" + std::to_string(shape.src.n) + "_ic" + std::to_string(shape.src.c) + "oc" +
           std::to_string(shape.k) + "_" +
           axis_string('h', shape.src.h, dst.h, shape.filter_h, shape.stride, shape.padding.top) + "_" +
           axis_string('w', shape.src.w, dst.w, shape.filter_w, shape.stride, shape.padding.left);
}

void VerboseCall::print(const char* layer_class, const ConvShape& shape, const RunStatistics& run) const {
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start_;
    // All products of a zero are skipped, or none.
    const double skipped_flops = run.skips ? run.zeros : 0;
    print_fields("exec", {layer_class, to_string(run.pass), problem_string(shape), to_string(run.kernel),
                          to_string(run.skipped), to_text(run.zeros, 1), to_text(skipped_flops, 1),
                          to_text(time.count(), 3)});
}

namespace {

const char* to_string(Skips skips) {
    switch (skips) {
        case Skips::nothing:
            return "nothing";
        case Skips::src:
            return "src";
        case Skips::diff_dst:
            return "diff_dst";
        case Skips::results:
            return "results";
    }
    return "?";
}

}  // namespace

void print_choice(const char* layer_class, const ConvShape& shape, std::span<const Explanation> kernels) {
    const std::string problem = problem_string(shape);
    for (const Explanation& one : kernels) {
        const ConvKernel& kernel = *one.kernel;
        const auto known = [&](bool is_known, double value, int decimals) {
            return is_known ? to_text(value, decimals) : "";
        };
        print_fields(
            "choice",
            {layer_class, to_string(kernel.pass), problem, to_string(kernel.name), kernel.blocking,
             to_string(kernel.skips), known(one.is_candidate && kernel.skips != Skips::nothing, one.zeros, 1),
             known(one.is_candidate, one.cost, 3), known(one.runs > 0, 1e3 * one.seconds, 3),
             std::to_string(one.runs), one.why});
    }
}

}  // namespace sparsetrain::detail
