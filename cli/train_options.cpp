#include "cli/train_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <limits>
#include <sstream>

#include "cli/duration.h"
#include "cli/words.h"
#include "sparsetrain/conv2d.h"
#include "sparsetrain/workspace.h"
#include "train/images.h"
#include "train/models/models.h"

namespace sparsetrain::cli {
namespace {

// The value of `word`, if that is a number and nothing else. CLI11's own conversion takes 010 for eight.
template <typename T>
bool parse_number(const std::string& word, T& value) {
    const char* last = word.data() + word.size();
    const auto [end, error] = std::from_chars(word.data(), last, value);
    return error == std::errc() && end == last;
}

// CLI::Range takes NaN, and its message leaves out what was given. Numbers are decimal and are handed on as
// CLI11 reads them.
template <typename T>
CLI::Validator between(T low, T high) {
    std::ostringstream range;
    range << low << " to " << high;
    return {[low, high, text = range.str()](std::string& word) -> std::string {
                T value{};
                if (!parse_number(word, value) || !(value >= low && value <= high))
                    return "given " + word + ", expected " + text;
                std::ostringstream as_read;
                as_read.precision(std::numeric_limits<T>::digits10 + 3);
                as_read << value;
                word = as_read.str();
                return {};
            },
            range.str()};
}

std::string check_path(const std::string& path) {
    return path.empty() ? "given nothing, expected a path" : "";
}

void add_recipe_options(CLI::App& command, Recipe& recipe) {
    command.add_option("--learning-rate", recipe.learning_rate, "Highest learning rate, after the warm-up")
        ->transform(between(1e-6F, 10.0F))
        ->capture_default_str();
    command.add_option("--momentum", recipe.momentum, "Of SGD")
        ->transform(between(0.0F, 0.999F))
        ->capture_default_str();
    command.add_option("--weight-decay", recipe.weight_decay, "Of weights, not of biases")
        ->transform(between(0.0F, 1.0F))
        ->capture_default_str();
}

void add_data_options(CLI::App& command, TrainOptions& options) {
    command.add_option("--model", options.model, "Network to train")
        ->check(CLI::IsMember(train::names_of(train::models())))
        ->capture_default_str();
    command
        .add_option("--data", options.data,
                    "Images to train on: fashion-mnist, or tensors:FILE.safetensors, which has images, F32 "
                    "[N,C,H,W], and labels, I64 [N], that are taken in order")
        ->check(CLI::Validator(train::check_data_name, "NAME"))
        ->capture_default_str();
    command
        .add_option("--data-dir", options.data_directory,
                    "Directory of the IDX files; where Debian's package has them unless given")
        ->check(CLI::Validator(check_path, "PATH"));
    command
        .add_option("--image-size", options.image_size,
                    "Height and width that images are made; those that they have unless given, or the "
                    "smallest that the model takes")
        ->transform(between(4, 512));
    command.add_option("--classes", options.classes, "Classes to tell apart; those of the data unless given")
        ->transform(between(2, 100'000));
    command
        .add_option("--init", options.init,
                    "File of weights to begin with, safetensors with torchvision's names")
        ->check(CLI::Validator(check_path, "PATH"));
    command.add_option("--save", options.save, "File to write the weights to at the end, the same")
        ->check(CLI::Validator(check_path, "PATH"));
    command.add_option("--metrics", options.metrics, "File to write metrics to, a JSON record per line")
        ->check(CLI::Validator(check_path, "PATH"));
}

}  // namespace

RunLength TrainOptions::length() const {
    if (!budget.empty()) return {steps, parse_duration(budget)};
    return {steps == 0 ? kDefaultSteps : steps, 0};
}

void add_train_options(CLI::App& command, TrainOptions& options) {
    // Scripts put their own options before those of their users, who may repeat one to change it.
    command.option_defaults()->take_last();
    add_data_options(command, options);
    command
        .add_option("--steps", options.steps,
                    "Steps of SGD; 1000, or as many as fit the budget, unless given")
        ->transform(between(1, 100'000'000));
    command
        .add_option("--budget", options.budget,
                    "Time to spend on steps, such as 90s, 10m or 2h; the learning rate follows it")
        ->check(CLI::Validator(check_duration, "TIME"));
    command.add_option("--batch", options.batch, "Images in a step")
        ->transform(between(1, 4096))
        ->capture_default_str();
    command.add_option("--threads", options.threads, "Threads of the kernels")
        ->transform(between(1, kMostThreads))
        ->capture_default_str();
    command.add_option("--kernels", options.kernels, "How convolutions are computed")
        ->check(CLI::IsMember(words_of(policies())))
        ->capture_default_str();
    command
        .add_option(
            "--choice", options.choice,
            "How auto chooses: by what calls took, or by the tables alone, which repeats a run bit for bit")
        ->check(CLI::IsMember(words_of(choices())))
        ->capture_default_str();
    command.add_option("--seed", options.seed, "Of the initial weights and the order of images")
        ->transform(between(std::uint32_t{0}, std::numeric_limits<std::uint32_t>::max()))
        ->capture_default_str();
    add_recipe_options(command, options.recipe);
}

}  // namespace sparsetrain::cli
