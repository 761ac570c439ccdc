#include "train/weights_file.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace sparsetrain::train {
namespace {

using FileShape = std::vector<std::uint64_t>;

FileShape shape_of(const Parameter& parameter) {
    return {parameter.shape.begin(), parameter.shape.end()};
}

FileShape shape_of(const State& state) {
    return {state.values.size()};
}

FileShape shape_of(const Counter& /*counter*/) {
    return {};
}

std::string text_of(const FileShape& shape) {
    std::ostringstream text;
    text << '[';
    for (std::size_t i = 0; i < shape.size(); ++i) text << (i == 0 ? "" : ",") << shape[i];
    text << ']';
    return text.str();
}

// Looks for tensors of a network, and for what is none of them.
class Reader {
  public:
    explicit Reader(const std::filesystem::path& path) : file_(path) {}

    template <typename Array>
    void expect(const Array& array, const char* dtype) {
        const TensorEntry& tensor = file_.at(array.name);
        file_.expect_dtype(tensor, dtype);
        if (tensor.shape != shape_of(array))
            file_.fail("tensor " + array.name + ": shape " + text_of(tensor.shape) + ", expected " +
                       text_of(shape_of(array)));
        expected_.insert(array.name);
    }
    void expect_no_other() const {
        for (const TensorEntry& tensor : file_.tensors())
            if (!expected_.contains(tensor.name))
                file_.fail("tensor " + tensor.name + ": the network has none of that name");
    }
    template <typename T>
    void read(const std::string& name, std::span<T> values) const {
        file_.read(file_.at(name), values);
    }

  private:
    SafetensorsFile file_;
    std::set<std::string> expected_;
};

}  // namespace

void save_weights(const Network& network, const std::filesystem::path& path,
                  std::span<const TensorToWrite> more) {
    std::vector<TensorToWrite> tensors(more.begin(), more.end());
    std::vector<std::vector<float>> values;  // of filters, in the order of files
    values.reserve(network.parameters().size());
    for (const Parameter* parameter : network.parameters()) {
        std::span<const float> in_order(parameter->value.data(), parameter->elements());
        if (parameter->is_filters()) {
            values.push_back(parameter->to_file_order({parameter->value.data(), parameter->value.size()}));
            in_order = values.back();
        }
        tensors.push_back({parameter->name, shape_of(*parameter), in_order});
    }
    for (const State& state : network.states())
        tensors.push_back({state.name, shape_of(state), std::span<const float>(state.values)});
    for (const Counter& counter : network.counters())
        tensors.push_back({counter.name, shape_of(counter), std::span<const std::int64_t>(counter.value, 1)});
    write_safetensors(path, tensors, {{"format", "pt"}});
}

void load_weights(Network& network, const std::filesystem::path& path) {
    Reader reader(path);
    for (const Parameter* parameter : network.parameters()) reader.expect(*parameter, "F32");
    for (const State& state : network.states()) reader.expect(state, "F32");
    for (const Counter& counter : network.counters()) reader.expect(counter, "I64");
    reader.expect_no_other();
    for (Parameter* parameter : network.parameters()) {
        std::vector<float> values(parameter->elements());
        reader.read(parameter->name, std::span(values));
        parameter->from_file_order(values);
    }
    for (const State& state : network.states()) reader.read(state.name, state.values);
    for (const Counter& counter : network.counters()) reader.read(counter.name, std::span(counter.value, 1));
}

}  // namespace sparsetrain::train
