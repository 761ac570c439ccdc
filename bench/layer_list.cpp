#include "layer_list.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <limits>
#include <set>
#include <sstream>

#include "sparsetrain/error.h"

namespace sparsetrain::bench {

namespace {

struct Word {
    std::string text;
    int line;
};

// Appends the words of a line, of which the first may continue the last one, as may any behind a backslash
// that stands alone.
void add_words(const std::string& line, int number, std::vector<Word>& words, bool& continued) {
    std::istringstream stream(line);
    for (std::string text; stream >> text && text.front() != '#';) {
        const bool continues = text.back() == '\\';
        if (continues) text.pop_back();
        if (!words.empty() && (continued || text.empty())) {
            words.back().text += text;
        } else {
            words.push_back({text, number});
        }
        continued = continues;
    }
}

std::vector<Word> words_of(const std::string& file) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    std::ifstream stream(file);
    std::vector<Word> words;
    std::string line;
    bool continued = false;
    for (int number = 1; std::getline(stream, line); ++number) {
        if (number == 1 && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
        add_words(line, number, words, continued);
    }
    // A folder can be opened, but not read.
    if (!stream.eof())
        throw Error(ErrorCode::invalid_argument, file + ": expected a readable file of problem strings");
    std::erase_if(words, [](const Word& word) { return word.text.empty(); });
    return words;
}

// Collects the layers of a file.
class List {
  public:
    explicit List(const Accept& accept) : accept_(accept) {}

    // Throws Error(unsupported) for what is to be skipped.
    void add(const std::string& word) {
        if (word.starts_with("--"))
            throw Error(ErrorCode::unsupported,
                        in_quotes(word) + ", as benchdnn's options mean nothing here");
        Layer layer = parse_layer(word);
        if (accept_) accept_(layer);
        if (!words_.insert(word).second)
            throw Error(ErrorCode::unsupported, in_quotes(word) + " is in the list already");
        layer.name = free_name(layer.name);
        names_.insert(layer.name);
        layers_.push_back(std::move(layer));
    }

    std::vector<Layer> take() { return std::move(layers_); }

  private:
    std::string free_name(const std::string& name) const {
        std::string free = name;
        for (int number = 2; names_.contains(free); ++number) free = name + "." + std::to_string(number);
        return free;
    }

    const Accept& accept_;
    std::set<std::string> words_, names_;
    std::vector<Layer> layers_;
};

// Floats in memory of the largest tensor, and of all.
struct Elements {
    double most, all;
};

Elements elements_of(const ConvShape& shape) {
    const auto elements = [](const Shape& s) { return 1.0 * kLanes * channel_blocks(s.c) * s.n * s.h * s.w; };
    const double src = elements(shape.src), dst = elements(shape.dst());
    const double weights = 1.0 * kLanes * channel_blocks(shape.k) * kLanes * channel_blocks(shape.src.c) *
                           shape.filter_h * shape.filter_w;
    return {std::max({src, dst, weights}), src + dst + weights};
}

std::string whole(double number) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(0) << number;
    return text.str();
}

}  // namespace

std::vector<Layer> read_layers(const std::string& file, const ReportSkipped& report, const Accept& accept) {
    List list(accept);
    for (const Word& word : words_of(file)) {
        const std::string place = file + ":" + std::to_string(word.line) + ": ";
        try {
            list.add(word.text);
        } catch (const Error& error) {
            if (error.code() != ErrorCode::unsupported) throw Error(error.code(), place + error.what());
            report(place + "skipped: " + error.what());
        }
    }
    std::vector<Layer> layers = list.take();
    if (layers.empty()) {
        throw Error(ErrorCode::invalid_argument,
                    file + ": expected at least one problem string that is supported, found none");
    }
    return layers;
}

void check_memory(const Layer& layer, double machine_bytes) {
    constexpr double kMostElements = std::numeric_limits<int>::max();
    const Elements elements = elements_of(layer.shape);
    const std::string found = " with mb" + std::to_string(layer.shape.src.n) + " in " + layer.name;
    if (elements.most > kMostElements) {
        throw Error(ErrorCode::invalid_argument, "expected tensors of at most " + whole(kMostElements) +
                                                     " elements, found " + whole(elements.most) + found);
    }
    const double bytes = 2 * sizeof(float) * elements.all;
    if (bytes > machine_bytes) {
        throw Error(ErrorCode::out_of_memory, "expected tensors, and a peer's copy of them, within the " +
                                                  whole(machine_bytes / 1e6) + " MB of this machine, found " +
                                                  whole(bytes / 1e6) + " MB" + found);
    }
}

double machine_bytes() {
    return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace sparsetrain::bench
