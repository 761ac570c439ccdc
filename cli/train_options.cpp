#include "cli/train_options.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace sparsetrain::cli {
namespace {

// CLI::Range takes NaN, and its message leaves out what was given.
template <typename T>
CLI::Validator between(T low, T high) {
    std::ostringstream range;
    range << low << " to " << high;
    return {[low, high, text = range.str()](const std::string& word) -> std::string {
                T value{};
                if (CLI::detail::lexical_cast(word, value) && value >= low && value <= high) return {};
                return "given " + word + ", expected " + text;
            },
            range.str()};
}

void add_recipe_options(CLI::App& command, Recipe& recipe) {
    command.add_option("--learning-rate", recipe.learning_rate, "Highest learning rate, after the warm-up")
        ->check(between(1e-6F, 10.0F))
        ->capture_default_str();
    command.add_option("--momentum", recipe.momentum, "Of SGD")
        ->check(between(0.0F, 0.999F))
        ->capture_default_str();
    command.add_option("--weight-decay", recipe.weight_decay, "Of weights, not of biases")
        ->check(between(0.0F, 1.0F))
        ->capture_default_str();
}

void add_data_options(CLI::App& command, TrainOptions& options) {
    command.add_option("--model", options.model, "Network to train")
        ->check(CLI::IsMember({"vgg-small"}))
        ->capture_default_str();
    command.add_option("--data", options.data, "Images to train on")
        ->check(CLI::IsMember({"fashion-mnist"}))
        ->capture_default_str();
    command.add_option("--data-dir", options.data_directory, "Directory of the IDX files")
        ->capture_default_str();
    command.add_option("--metrics", options.metrics, "File to write metrics to, a JSON record per line");
}

}  // namespace

void add_train_options(CLI::App& command, TrainOptions& options) {
    // Scripts put their own options before those of their users, who may repeat one to change it.
    command.option_defaults()->take_last();
    add_data_options(command, options);
    command.add_option("--steps", options.steps, "Steps of SGD")
        ->check(between(1, 100'000'000))
        ->capture_default_str();
    command.add_option("--batch", options.batch, "Images in a step")
        ->check(between(1, 4096))
        ->capture_default_str();
    command.add_option("--threads", options.threads, "Threads of the kernels")
        ->check(between(1, 1024))
        ->capture_default_str();
    command.add_option("--kernels", options.kernels, "How convolutions are computed")
        ->check(CLI::IsMember({"auto", "dense", "zero_skip", "output_mask"}))
        ->capture_default_str();
    command.add_option("--seed", options.seed, "Of the initial weights and the order of images")
        ->capture_default_str();
    add_recipe_options(command, options.recipe);
}

}  // namespace sparsetrain::cli
