#include "train/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "sparsetrain/error.h"
#include "train/safetensors_layout.h"

namespace sparsetrain::train {
namespace {

using nlohmann::json;

constexpr const char* kMetadata = "__metadata__";

[[noreturn]] void fail(const std::string& file, const std::string& what) {
    throw Error(ErrorCode::invalid_argument, file + ": " + what);
}

// Takes the header's JSON piece by piece, and throws at the first that the format does not have: so nothing
// nests deeper than the format does, and keys that occur twice are seen.
class HeaderReader : public json::json_sax_t {
  public:
    explicit HeaderReader(const std::string& file) : file_(file) {}

    SafetensorsHeader take() { return std::move(header_); }

    bool null() override { unexpected("null"); }
    bool boolean(bool value) override { unexpected(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { unexpected(std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override;
    bool number_float(number_float_t /*value*/, const string_t& text) override {
        unexpected(in_quotes(text));
    }
    bool string(string_t& value) override;
    bool binary(binary_t& /*value*/) override { unexpected("binary data"); }
    bool start_object(std::size_t elements) override;
    bool key(string_t& name) override;
    bool end_object() override;
    bool start_array(std::size_t elements) override;
    bool end_array() override;
    bool parse_error(std::size_t position, const std::string& token, const json::exception& error) override;

  private:
    enum class Place { outside, header, metadata, tensor, shape, data_offsets };

    std::string object() const;
    std::string place() const;
    const char* expectation() const;
    [[noreturn]] void unexpected(const std::string& found) const;
    void check_dtype(const std::string& name) const;
    void begin_entry();
    void end_tensor();

    const std::string& file_;
    SafetensorsHeader header_;
    Place place_ = Place::outside;
    std::set<std::string> names_, fields_;  // keys of the header, and of the object in it
    std::string name_, field_;              // the last of each
    TensorEntry tensor_;
    std::vector<std::uint64_t> offsets_;
};

std::string HeaderReader::object() const {
    if (place_ == Place::outside || place_ == Place::header) return "header";
    return (place_ == Place::metadata ? "" : "tensor ") + in_quotes(name_);
}

std::string HeaderReader::place() const {
    if (place_ == Place::outside) return "header";
    return object() + ", " + in_quotes(place_ == Place::header ? name_ : field_);
}

const char* HeaderReader::expectation() const {
    if (place_ == Place::outside || place_ == Place::header) return "an object";
    if (place_ == Place::shape || place_ == Place::data_offsets) return "whole numbers from 0 to 2^64 - 1";
    return place_ == Place::metadata || field_ == "dtype" ? "a string" : "a list of whole numbers";
}

void HeaderReader::unexpected(const std::string& found) const {
    fail(file_, place() + ": found " + found + ", expected " + expectation());
}

bool HeaderReader::number_unsigned(number_unsigned_t value) {
    if (place_ != Place::shape && place_ != Place::data_offsets) unexpected(std::to_string(value));
    const bool is_shape = place_ == Place::shape;
    std::vector<std::uint64_t>& numbers = is_shape ? tensor_.shape : offsets_;
    const std::size_t most = is_shape ? kMostDimensions : 2;
    if (numbers.size() == most)
        fail(file_, place() + ": found more than " + std::to_string(most) + " numbers, expected " +
                        (is_shape ? "no more" : "a begin and an end"));
    numbers.push_back(value);
    return true;
}

bool HeaderReader::string(string_t& value) {
    if (place_ == Place::metadata) {
        header_.metadata[field_] = std::move(value);
    } else if (place_ == Place::tensor && field_ == "dtype") {
        check_dtype(value);
        tensor_.dtype = std::move(value);
    } else {
        unexpected("the string " + in_quotes(value));
    }
    return true;
}

// Of types that are not known here, too: messages show it as it is.
void HeaderReader::check_dtype(const std::string& name) const {
    constexpr std::size_t kMostLetters = 32;
    const bool is_name = std::ranges::all_of(name, [](char letter) {
        return letter == '_' || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9');
    });
    if (name.empty() || name.size() > kMostLetters || !is_name)
        fail(file_, place() + ": found " + in_quotes(name) + ", expected a name like F32 or I64");
}

bool HeaderReader::start_object(std::size_t /*elements*/) {
    if (place_ == Place::outside) {
        place_ = Place::header;
    } else if (place_ == Place::header) {
        begin_entry();
    } else {
        unexpected("an object");
    }
    return true;
}

void HeaderReader::begin_entry() {
    place_ = name_ == kMetadata ? Place::metadata : Place::tensor;
    fields_.clear();
    offsets_.clear();
    tensor_ = {};
    tensor_.name = name_;
}

bool HeaderReader::key(string_t& name) {
    if (place_ == Place::tensor && name != "dtype" && name != "shape" && name != "data_offsets")
        fail(file_,
             object() + ": found " + in_quotes(name) + R"(, expected "dtype", "shape" and "data_offsets")");
    const bool is_entry = place_ == Place::header;
    if (!(is_entry ? names_ : fields_).insert(name).second)
        fail(file_, object() + ": found " + in_quotes(name) + " twice, expected it once");
    (is_entry ? name_ : field_) = std::move(name);
    return true;
}

bool HeaderReader::end_object() {
    if (place_ == Place::tensor) end_tensor();
    place_ = place_ == Place::header ? Place::outside : Place::header;
    return true;
}

void HeaderReader::end_tensor() {
    for (const char* field : {"dtype", "shape", "data_offsets"})
        if (!fields_.contains(field))
            fail(file_, object() + ": expected " + in_quotes(field) + ", found none");
    tensor_.begin = offsets_[0];
    tensor_.end = offsets_[1];
    header_.tensors.push_back(std::move(tensor_));
}

bool HeaderReader::start_array(std::size_t /*elements*/) {
    if (place_ != Place::tensor || (field_ != "shape" && field_ != "data_offsets")) unexpected("a list");
    place_ = field_ == "shape" ? Place::shape : Place::data_offsets;
    return true;
}

bool HeaderReader::end_array() {
    if (place_ == Place::data_offsets && offsets_.size() != 2)
        fail(file_, place() + ": found " + std::to_string(offsets_.size()) + " numbers, expected 2");
    place_ = Place::tensor;
    return true;
}

bool HeaderReader::parse_error(std::size_t position, const std::string& /*token*/,
                               const json::exception& error) {
    const std::string_view what = error.what();
    const std::size_t number_end = what.find("] ");  // nlohmann-json's number of the error
    fail(file_, "header: expected JSON, found at its byte " + std::to_string(position) + ": " +
                    in_quotes(number_end == what.npos ? what : what.substr(number_end + 2)));
}

void check_names(const std::string& file, const SafetensorsHeader& header) {
    std::set<std::string> names{kMetadata};
    for (const TensorEntry& tensor : header.tensors)
        if (!names.insert(tensor.name).second)
            fail(file, description(tensor) + ": found its name taken, expected one of its own");
}

nlohmann::ordered_json json_of(const SafetensorsHeader& header) {
    auto object = nlohmann::ordered_json::object();
    if (!header.metadata.empty()) object[kMetadata] = header.metadata;
    for (const TensorEntry& tensor : header.tensors)
        object[tensor.name] = {
            {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {tensor.begin, tensor.end}}};
    return object;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(const std::string& file, std::string_view text,
                                           std::uint64_t data_bytes) {
    // The parser would skip a byte order mark, and stop at a zero.
    if (!text.starts_with('{'))
        fail(file, "header: found " + in_quotes(text.substr(0, 1)) + " at its begin, expected \"{\"");
    if (const std::size_t zero = text.find('\0'); zero != text.npos)
        fail(file, "header: expected JSON, found a zero at its byte " + std::to_string(zero + 1));
    HeaderReader reader(file);
    json::sax_parse(text, &reader);
    SafetensorsHeader header = reader.take();
    sort_and_check_layout(file, header.tensors, data_bytes);
    return header;
}

std::string safetensors_header_text(const std::string& file, const SafetensorsHeader& header) try {
    check_names(file, header);
    std::string text = json_of(header).dump();
    constexpr std::size_t kAlignment = 8;  // of the data, for those who map the file
    text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
    if (text.size() > kMostHeaderBytes)
        fail(file, "header: " + std::to_string(text.size()) + " bytes, expected no more than " +
                       std::to_string(kMostHeaderBytes));
    return text;
} catch (const json::type_error& error) {
    fail(file, std::string("header: expected names and metadata in UTF-8, found ") + in_quotes(error.what()));
}

}  // namespace sparsetrain::train
