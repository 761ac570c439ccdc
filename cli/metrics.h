// The records of a metrics file: JSON, one to a line, for programs to read.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
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
    std::string clock;                       // that measured `layers`
    train::StepTimes works;                  // of all steps
    double planned_gb = 0, resident_gb = 0;  // memory of the network
};

// {"record": "header", ...}: what ran, with what, on what.
Json header_record(const TrainOptions& options);

// Counts zeros of the convolutions of a step, in percent, as they pass.
class ZerosWatch : public train::ConvolutionWatch {
  public:
    struct Zeros {
        double src = 0, diff_dst = 0;
    };
    void passed(const train::Convolution& convolution, const train::PassCall& call) override;

    const Zeros& of(const train::Convolution& convolution) const { return zeros_.at(&convolution); }
    // What counting has taken since this was last asked.
    double take_seconds() { return std::exchange(seconds_, 0); }

  private:
    std::map<const train::Convolution*, Zeros> zeros_;
    double seconds_ = 0;
};

// {"record": "step", ...}: with zeros (percent), kernel and wall time of every pass of every convolution.
Json step_record(const StepMetrics& metrics, const train::Network& network, const ZerosWatch& zeros);

// {"record": "summary", ...}: with the table of layers.
Json summary_record(const RunSummary& summary);

}  // namespace sparsetrain::cli
