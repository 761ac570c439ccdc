#include "problem_string.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>

#include "sparsetrain/error.h"

namespace sparsetrain::bench {

namespace {

using Sizes = std::map<std::string, int, std::less<>>;

constexpr std::string_view kKeys[] = {"g",  "mb", "ic", "oc", "id", "ih", "iw", "od", "oh", "ow", "kd",
                                      "kh", "kw", "sd", "sh", "sw", "pd", "ph", "pw", "dd", "dh", "dw"};
// The others may be 0, which is to benchdnn as if they were not there.
constexpr std::string_view kKeysFromOne[] = {"g", "mb", "ic", "oc", "sd", "sh", "sw"};
// Sums of an input, both its paddings and a filter are ints.
constexpr int kMostSize = 1 << 29;

[[noreturn]] void fail(const std::string& message) {
    throw Error(ErrorCode::invalid_argument, message);
}

[[noreturn]] void fail_unsupported(const std::string& message) {
    throw Error(ErrorCode::unsupported, message);
}

bool is_printable(char c) {
    return c > ' ' && c <= '~';
}

template <std::size_t Count>
bool contains(const std::string_view (&keys)[Count], std::string_view key) {
    return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

std::string take_key(std::string_view& rest) {
    const auto end = std::find_if_not(rest.begin(), rest.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    const auto key = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    if (!contains(kKeys, key)) {
        std::string keys;
        for (const auto k : kKeys) keys += std::string(k) + ", ";
        fail("expected one of the keys " + keys + "n\"name\", found " + in_quotes(rest));
    }
    rest.remove_prefix(key.size());
    return std::string(key);
}

int take_size(const std::string& key, std::string_view& rest) {
    int value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    const int least = contains(kKeysFromOne, key) ? 1 : 0;
    if (error != std::errc() || value < least || value > kMostSize) {
        fail("expected a number from " + std::to_string(least) + " to " + std::to_string(kMostSize) +
             " after '" + key + "', found " + in_quotes(rest));
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return value;
}

std::string name_from(std::string_view text) {
    const bool has_quotes = text.size() > 1 && text.front() == '"' && text.back() == '"';
    const auto name = has_quotes ? text.substr(1, text.size() - 2) : text;
    if (!std::all_of(name.begin(), name.end(), is_printable))
        fail_unsupported("expected a name of printable ASCII characters, found " + in_quotes(text));
    return std::string(name);
}

int size_or(const Sizes& sizes, std::string_view key, int otherwise) {
    const auto found = sizes.find(key);
    return found == sizes.end() ? otherwise : found->second;
}

int required_size(const Sizes& sizes, const std::string& key) {
    const int size = size_or(sizes, key, 0);
    if (size == 0) fail("expected the key '" + key + "', which is missing");
    return size;
}

// One direction of a convolution; the image of a problem that does not speak of it has one row.
struct Axis {
    std::int64_t in = 1, out = 1, filter = 1, stride = 1, before = 0;

    // Less than none where a stride leaves rows at the end that no filter reaches.
    std::int64_t after() const { return (out - 1) * stride + filter - in - before; }
};

// Whether a problem speaks of a direction. benchdnn does not count values that are the defaults.
bool has_axis(const Sizes& sizes, char direction) {
    const auto value = [&](char key) {
        return size_or(sizes, std::string{key, direction}, key == 's' ? 1 : 0);
    };
    return value('i') != 0 || value('k') != 0 || value('o') != 0 || value('d') != 0 || value('s') != 1 ||
           value('p') != 0;
}

// Divisions towards zero are benchdnn's, too.
Axis axis_of(const Sizes& sizes, char direction) {
    Axis axis;
    axis.in = required_size(sizes, {'i', direction});
    axis.filter = required_size(sizes, {'k', direction});
    axis.stride = size_or(sizes, std::string{'s', direction}, 1);
    axis.before = size_or(sizes, std::string{'p', direction}, -1);
    axis.out = size_or(sizes, std::string{'o', direction}, 0);
    if (axis.out == 0) {
        axis.before = std::max<std::int64_t>(axis.before, 0);
        axis.out = (axis.in - axis.filter + 2 * axis.before) / axis.stride + 1;
    } else if (axis.before < 0) {
        axis.before = ((axis.out - 1) * axis.stride - axis.in + axis.filter) / 2;
    }
    return axis;
}

void check_axis(const std::string& out_key, const Axis& axis) {
    if (axis.out < 1)
        fail("expected a filter no larger than the padded input in the direction of " + out_key);
    for (const auto padding : {axis.before, axis.after()})
        if (padding >= axis.filter) {
            fail_unsupported("expected less padding than the filter's " + std::to_string(axis.filter) +
                             ", found " + std::to_string(padding) + " in the direction of " + out_key);
        }
    if (axis.before >= 0 && axis.after() > -axis.stride) return;
    const std::int64_t least = (axis.in + std::max<std::int64_t>(axis.before, 0) - axis.filter) / axis.stride;
    fail_unsupported("expected at least " + out_key + std::to_string(least + 1) +
                     ", where the padded input ends, found " + out_key + std::to_string(axis.out));
}

void check_dilation(const std::string& key, int found) {
    if (found == 0) return;
    fail_unsupported("expected " + key + "0, as dilated convolutions are not supported, found " + key +
                     std::to_string(found));
}

void check_features(const Sizes& sizes) {
    const int groups = size_or(sizes, "g", 1);
    if (groups != 1) {
        fail_unsupported("expected g1, as convolutions in groups are not supported, found g" +
                         std::to_string(groups));
    }
    if (has_axis(sizes, 'd'))
        fail_unsupported("expected no depth (id, kd, ...), as convolutions in 3D are not supported");
    check_dilation("dh", size_or(sizes, "dh", 0));
    check_dilation("dw", size_or(sizes, "dw", 0));
}

ConvShape make_shape(const Sizes& sizes) {
    const int channels = required_size(sizes, "ic"), filters = required_size(sizes, "oc");
    check_features(sizes);
    const bool has_w = has_axis(sizes, 'w'), has_h = has_axis(sizes, 'h') || !has_w;
    Axis y = has_h ? axis_of(sizes, 'h') : Axis();
    const Axis x = has_w ? axis_of(sizes, 'w') : y;
    if (has_h) check_axis("oh", y);
    check_axis("ow", x);
    if (!has_h) y.stride = x.stride;
    if (x.stride != y.stride)
        fail_unsupported("expected one stride in both directions, found different sh and sw");
    const auto as_int = [](std::int64_t size) { return static_cast<int>(std::max<std::int64_t>(size, 0)); };
    return {{size_or(sizes, "mb", 2), channels, as_int(y.in), as_int(x.in)},
            filters,
            as_int(y.filter),
            as_int(x.filter),
            as_int(y.stride),
            {as_int(y.before), as_int(x.before), as_int(y.after()), as_int(x.after())}};
}

}  // namespace

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kMost = 80;
    if (text.empty()) return "the end";
    std::string shown = "'";
    shown += text.substr(0, kMost);
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c != ' ' && !is_printable(c); }, '?');
    shown += text.size() > kMost ? "...'" : "'";
    return shown;
}

Layer parse_layer(std::string_view problem) {
    Sizes sizes;
    std::string name;
    for (auto rest = problem; !rest.empty() || sizes.empty();) {
        if (rest.starts_with('n')) {
            name = name_from(rest.substr(1));
            break;
        }
        const std::string key = take_key(rest);
        if (!sizes.emplace(key, take_size(key, rest)).second)
            fail("expected every key once, found '" + key + "' twice");
        if (rest.starts_with('_')) rest.remove_prefix(1);
    }
    if (name.empty()) name = problem;
    return {name, make_shape(sizes)};
}

}  // namespace sparsetrain::bench
