// The records of a metrics file: JSON, one to a line, for programs to read.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/layer_report.h"
#include "cli/train_options.h"
#include "train/network.h"

namespace sparsetrain::cli {

using Json = nlohmann::ordered_json;

struct StepMetrics {
    int step = 0;
    double loss = 0;
    double batch_accuracy = 0;  // 0 to 1
    float learning_rate = 0;
    double ms = 0;  // wall time of making the batch and training on it
};

struct RunSummary {
    int steps = 0;  // that ran
    bool interrupted = false;
    double training_seconds = 0, images_per_second = 0;  // of the steps alone, as StepMetrics::ms
    double test_loss = 0, test_accuracy = 0;             // accuracy from 0 to 1
    std::vector<LayerReport> layers;
    std::string clock;  // that measured `layers`
};

// {"record": "header", ...}: what ran, with what, on what.
Json header_record(const TrainOptions& options);

// {"record": "step", ...}: with zeros (percent), kernel and wall time of every pass of every convolution.
Json step_record(const StepMetrics& metrics, std::span<const train::Convolution* const> convolutions);

// {"record": "summary", ...}: with the table of layers.
Json summary_record(const RunSummary& summary);

}  // namespace sparsetrain::cli
