#include "verbose.h"

#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
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

Lazily<bool> verbose;
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

bool wants_lines(const char* value) {
    if (value == nullptr || value == std::string_view("0")) return false;
    if (value == std::string_view("1")) return true;
    throw Error(ErrorCode::unsupported,
                std::string(kVariable) + ": expected 0 or 1, given \"" + value + "\"");
}

bool is_verbose() {
    if (!verbose.get([] { return wants_lines(environment_variable(kVariable)); })) return false;
    if (!is_announced.exchange(true)) announce();
    return true;
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
    const double skipped_flops = run.kernel == Kernel::dense ? 0 : run.zeros;
    std::string line = "sparsetrain_verbose,exec";
    for (const std::string& field :
         {std::string(layer_class), std::string(to_string(run.pass)), problem_string(shape),
          std::string(to_string(run.kernel)), std::string(to_string(run.skipped)), to_text(run.zeros, 1),
          to_text(skipped_flops, 1), to_text(time.count(), 3)}) {
        (line += ',') += field;
    }
    print_line(std::move(line));
}

}  // namespace sparsetrain::detail
