#include "train/tensor_entry.h"

#include <nlohmann/json.hpp>

namespace sparsetrain::train {

std::uint64_t TensorEntry::value_count() const {
    std::uint64_t product = 1;
    for (const std::uint64_t size : shape) product *= size;
    return product;
}

std::string description(const TensorEntry& tensor) {
    std::string text = "tensor " + in_quotes(tensor.name);
    text.append(", ").append(tensor.dtype).append(" [");
    for (std::size_t i = 0; i < tensor.shape.size(); ++i)
        text.append(i == 0 ? "" : ",").append(std::to_string(tensor.shape[i]));
    return text.append("]");
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kMost = 200;
    const bool is_long = text.size() > kMost;
    std::string shown(text.substr(0, kMost));
    if (is_long) shown += "...";
    return nlohmann::json(shown).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace sparsetrain::train
