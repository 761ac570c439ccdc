#include "layer_list.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <map>
#include <optional>

#include "sparsetrain/error.h"

namespace sparsetrain::bench {

namespace {

using Sizes = std::map<std::string_view, int>;

constexpr std::string_view kKeys[] = {"g",  "mb", "ic", "oc", "ih", "iw", "oh", "ow",
                                      "kh", "kw", "sh", "sw", "ph", "pw", "dh", "dw"};
constexpr std::string_view kRequiredKeys[] = {"mb", "ic", "oc", "ih", "kh"};
constexpr std::string_view kKeysFromZero[] = {"ph", "pw", "dh", "dw"};

// Keys that are understood, but of which only one value is supported.
struct FixedKey {
    std::string_view key;
    int only;
    const char* others;
};
constexpr FixedKey kFixedKeys[] = {
    {"g", 1, "convolutions in groups"},
    {"dh", 0, "dilated convolutions"},
    {"dw", 0, "dilated convolutions"},
};

[[noreturn]] void fail(const std::string& message) {
    throw Error(ErrorCode::invalid_argument, message);
}

std::string quoted(std::string_view text) {
    return text.empty() ? "the end of the line" : std::string("'").append(text).append("'");
}

bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_name_character(char c) {
    return is_letter(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

template <std::size_t Count>
bool contains(const std::string_view (&keys)[Count], std::string_view key) {
    return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

std::string_view take_key(std::string_view& rest) {
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_letter);
    const auto key = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    if (key != "n" && !contains(kKeys, key)) {
        std::string keys;
        for (const auto k : kKeys) keys += std::string(k) + ", ";
        fail("expected one of the keys " + keys + "n\"name\", found " + quoted(rest));
    }
    rest.remove_prefix(key.size());
    return key;
}

int take_size(std::string_view key, std::string_view& rest) {
    int value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    const int least = contains(kKeysFromZero, key) ? 0 : 1;
    if (error != std::errc() || value < least) {
        fail("expected a number of at least " + std::to_string(least) + " after '" + std::string(key) +
             "', found " + quoted(rest));
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return value;
}

std::string take_name(std::string_view rest) {
    const bool in_quotes = rest.size() > 2 && rest.front() == '"' && rest.back() == '"';
    const auto name = in_quotes ? rest.substr(1, rest.size() - 2) : std::string_view();
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) {
        fail("expected a name in double quotes, of letters, digits and . _ -, at the end after 'n', found " +
             quoted(rest));
    }
    return std::string(name);
}

int size_or(const Sizes& sizes, std::string_view key, int otherwise) {
    const auto found = sizes.find(key);
    return found == sizes.end() ? otherwise : found->second;
}

// One direction of a convolution; `out` is 0 if it was not given.
struct Axis {
    int in, filter, stride, before, out;

    // A stride may leave rows unused at the end, where the arithmetic gives less than no padding.
    int after() const { return out == 0 ? before : std::max(0, (out - 1) * stride + filter - in - before); }
};

void check_axis(const std::string& key, const Axis& axis, int out) {
    for (const int padding : {axis.before, axis.after()})
        if (padding >= axis.filter) {
            fail("expected less padding than the filter's " + std::to_string(axis.filter) + ", found " +
                 std::to_string(padding) + " in the direction of " + key);
        }
    if (axis.in + axis.before + axis.after() < axis.filter)
        fail("expected a filter no larger than the padded input in the direction of " + key);
    if (axis.out != 0 && axis.out != out) {
        fail("expected " + key + std::to_string(out) +
             ", which the input, filter, stride and padding make, found " + key + std::to_string(axis.out));
    }
}

void check_fixed_keys(const Sizes& sizes) {
    for (const FixedKey& fixed : kFixedKeys) {
        const int found = size_or(sizes, fixed.key, fixed.only);
        if (found == fixed.only) continue;
        const std::string key(fixed.key);
        throw Error(ErrorCode::unsupported, "expected " + key + std::to_string(fixed.only) + ", as " +
                                                fixed.others + " are not supported, found " + key +
                                                std::to_string(found));
    }
}

ConvShape make_shape(const Sizes& sizes) {
    for (const auto key : kRequiredKeys)
        if (!sizes.contains(key)) fail("expected the key " + quoted(key) + ", which is missing");
    check_fixed_keys(sizes);
    const Axis y{sizes.at("ih"), sizes.at("kh"), size_or(sizes, "sh", 1), size_or(sizes, "ph", 0),
                 size_or(sizes, "oh", 0)};
    const Axis x{size_or(sizes, "iw", y.in), size_or(sizes, "kw", y.filter), size_or(sizes, "sw", y.stride),
                 size_or(sizes, "pw", y.before), size_or(sizes, "ow", sizes.contains("iw") ? 0 : y.out)};
    if (x.stride != y.stride) fail("expected one stride in both directions, found different sh and sw");
    ConvShape shape{
        {sizes.at("mb"), sizes.at("ic"), y.in, x.in}, sizes.at("oc"), y.filter, x.filter, y.stride,
        {y.before, x.before, y.after(), x.after()}};
    check_axis("oh", y, shape.dst().h);
    check_axis("ow", x, shape.dst().w);
    return shape;
}

}  // namespace

Layer parse_layer(std::string_view problem) {
    Sizes sizes;
    std::string name;
    for (auto rest = problem; name.empty();) {
        while (rest.starts_with('_')) rest.remove_prefix(1);
        if (rest.empty() && !sizes.empty()) {
            name = problem;
            break;
        }
        const auto key = take_key(rest);
        if (key == "n") {
            name = take_name(rest);
        } else if (!sizes.emplace(key, take_size(key, rest)).second) {
            fail("expected every key once, found " + quoted(key) + " twice");
        }
    }
    return {name, make_shape(sizes)};
}

std::vector<Layer> read_layers(const std::string& file) {
    std::ifstream stream(file);
    if (!stream) fail(file + ": expected a readable file of problem strings");
    std::vector<Layer> layers;
    std::string line;
    for (int number = 1; std::getline(stream, line); ++number) {
        if (line.empty() || line.front() == '#') continue;
        try {
            Layer layer = parse_layer(line);
            const auto same_name = [&](const Layer& other) { return other.name == layer.name; };
            if (std::any_of(layers.begin(), layers.end(), same_name))
                fail("expected every name once, found \"" + layer.name + "\" again");
            layers.push_back(std::move(layer));
        } catch (const Error& error) {
            throw Error(error.code(), file + ":" + std::to_string(number) + ": " + error.what());
        }
    }
    if (layers.empty()) fail(file + ": expected at least one problem string");
    return layers;
}

void set_batch(Layer& layer, int batch) {
    layer.shape.src.n = batch;
    constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<int>::max());
    const std::size_t elements = std::max(layer.shape.src.elements(), layer.shape.dst().elements());
    if (elements > kMost) {
        fail("expected a batch with which no tensor of " + layer.name + " exceeds " + std::to_string(kMost) +
             " elements, found " + std::to_string(batch) + ", which makes " + std::to_string(elements));
    }
}

}  // namespace sparsetrain::bench
