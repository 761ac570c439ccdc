// ops_bench: operators beside convolutions, each as a share of the bandwidth of the machine's memory on the
// bytes that it has to read and write: tensors do not fit its caches.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <iostream>
#include <limits>
#include <random>
#include <vector>

#include "sparsetrain/batch_norm.h"
#include "sparsetrain/concat.h"
#include "sparsetrain/dropout.h"
#include "sparsetrain/join.h"
#include "sparsetrain/pool.h"
#include "sparsetrain/relu.h"
#include "sparsetrain/sgd.h"

namespace sparsetrain::bench {

namespace {

struct Options {
    int images = 64, channels = 256, side = 28;
    int threads = 1;
    int rounds = 15;

    Shape shape() const { return {images, channels, side, side}; }
    // Of a part of such a tensor.
    Shape half() const { return {images, (channels + 1) / 2, side, side}; }
};

// What runs, and how many tensors it reads or writes, each time that it has to; masks aside (a word per 16
// values).
struct Contestant {
    const char* name;
    double tensors;
    std::function<void()> run;
    double best_ms = std::numeric_limits<double>::infinity();
};

double wall_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

// STREAM's triad, which moves three tensors.
void triad(const Tensor& b, const Tensor& c, Tensor& a, int threads) {
    const auto count = static_cast<std::ptrdiff_t>(a.shape().elements());
    const float *const from_b = b.values().data(), *const from_c = c.values().data();
    float* const to = a.values().data();
#pragma omp parallel for simd num_threads(threads) schedule(static)
    for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = from_b[i] + 3.0F * from_c[i];
}

Tensor normal_values(const Shape& shape, unsigned seed) {
    Tensor tensor(shape);
    std::minstd_rand engine(seed);
    std::normal_distribution<float> normal;
    for (float& value : tensor.values()) value = normal(engine);
    return tensor;
}

// The tensors and arrays that all contestants share.
struct Data {
    explicit Data(const Options& options)
        : a(normal_values(options.shape(), 1)),
          b(normal_values(options.shape(), 2)),
          dst(options.shape()),
          diff(options.shape()),
          mask(options.shape()),
          diff_mask(options.shape()),
          mean(static_cast<std::size_t>(options.channels)),
          variance(mean.size(), 1.0F),
          scale(mean.size(), 1.0F),
          shift(mean.size()),
          diff_scale(mean.size()),
          diff_shift(mean.size()),
          half(normal_values(options.half(), 3)),
          half_mask(options.half()),
          pooled(pool.dst(options.shape())),
          pooled_mask(pooled.shape()),
          choice(pooled.shape().elements()),
          workspace(options.threads) {}

    BatchNorm norm() const { return {mean, variance, scale, shift}; }
    BatchNormGradients gradients() { return {diff_scale, diff_shift}; }

    Tensor a, b, dst, diff;
    Mask mask, diff_mask;
    PoolWindow pool{3, 3, 2, 2, {1, 1, 1, 1}};  // as behind ResNet's first layer
    std::vector<float> mean, variance, scale, shift, diff_scale, diff_shift;
    Tensor half;
    Mask half_mask;
    Tensor pooled;
    Mask pooled_mask;
    AlignedArray<std::uint8_t> choice;
    Workspace workspace;
};

std::vector<Contestant> contestants_for(Data& d, int threads) {
    const ConstTensorView a = d.a.view(), b = d.b.view();
    const TensorView dst = d.dst.view(), diff = d.diff.view();
    const MaskView mask = d.mask.view(), diff_mask = d.diff_mask.view();
    Workspace& w = d.workspace;
    // Of src: dst of a pool, and the byte of a choice per element of that.
    const double pooled =
        static_cast<double>(d.pooled.shape().elements()) / static_cast<double>(a.shape.elements());
    const double of_pool = 1 + pooled * (1 + 0.25);
    const TensorView half = d.half.view();
    const MaskView half_mask = d.half_mask.view();
    const double of_half =
        2 * static_cast<double>(half.shape.elements()) / static_cast<double>(a.shape.elements());
    const int shifted = std::min(5, a.shape.c - half.shape.c);  // the first channel of a part in other lanes
    return {
        {"triad", 3, [&d, threads] { triad(d.a, d.b, d.dst, threads); }},
        {"relu_forward", 2, [=, &w] { relu_forward(a, dst, mask, w); }},
        {"relu_backward", 2, [=, &w] { relu_backward(a, mask, dst, w); }},
        {"add_relu", 3, [=, &w] { add_relu(a, b, dst, mask, w); }},
        {"add_gradients", 3, [=, &w] { add_gradients(a, b, mask, dst, w); }},
        {"dropout_forward", 2,
         [=, &w] {
             dropout_forward({a, {}}, 0.5F, 1, dst, diff_mask, w);
         }},
        {"dropout_backward", 2, [=, &w] { dropout_backward(a, 0.5F, mask, dst, w); }},
        {"max_pool_forward", of_pool,
         [=, &d, &w] { max_pool_forward(a, d.pool, d.pooled.view(), d.pooled_mask.view(), d.choice, w); }},
        {"max_pool_backward", of_pool,
         [=, &d, &w] { max_pool_backward(d.pooled.view(), d.choice, d.pool, {}, dst, mask, w); }},
        {"write_channels", of_half, [=, &w] { write_channels(half, 0, dst, diff_mask, w); }},
        {"write_channels_shifted", of_half, [=, &w] { write_channels(half, shifted, dst, diff_mask, w); }},
        {"read_channels", of_half, [=, &w] { read_channels(a, 0, half, half_mask, w); }},
        {"read_channels_shifted", of_half, [=, &w] { read_channels(a, shifted, half, half_mask, w); }},
        {"sgd_step", 5,
         [=, &d, &w] {
             sgd_step(d.dst.values(), d.a.values(), d.diff.values(), {0.0F, 0.9F, 0.0F}, w);
         }},
        {"batch_statistics", 1, [=, &d, &w] { batch_statistics(a, d.mean, d.variance, w); }},
        {"batch_norm", 2, [=, &d, &w] { batch_norm(a, d.norm(), dst, w); }},
        {"batch_norm_relu", 2, [=, &d, &w] { batch_norm_relu(a, d.norm(), dst, mask, w); }},
        {"batch_norm_add_relu", 3, [=, &d, &w] { batch_norm_add_relu(a, d.norm(), b, dst, mask, w); }},
        {"batch_norm_backward", 5,
         [=, &d, &w] { batch_norm_backward(a, d.norm(), b, dst, d.gradients(), w); }},
        {"batch_norm_relu_backward", 5,
         [=, &d, &w] { batch_norm_relu_backward(a, d.norm(), b, mask, dst, d.gradients(), w); }},
        {"batch_norm_add_relu_backward", 6,
         [=, &d, &w] { batch_norm_add_relu_backward(a, d.norm(), b, mask, dst, diff, d.gradients(), w); }},
    };
}

void report(const std::vector<Contestant>& contestants, double tensor_bytes) {
    const auto rate = [&](const Contestant& one) { return one.tensors * tensor_bytes / one.best_ms / 1e6; };
    std::printf("%-30s %8s %8s %8s %9s\n", "", "tensors", "ms", "GB/s", "of triad");
    for (const Contestant& one : contestants)
        std::printf("%-30s %8.1f %8.2f %8.1f %8.0f%%\n", one.name, one.tensors, one.best_ms, rate(one),
                    100 * rate(one) / rate(contestants.front()));
}

int run(const Options& options) {
    Data data(options);
    std::vector<Contestant> contestants = contestants_for(data, options.threads);
    for (int round = 0; round < options.rounds; ++round) {
        for (Contestant& one : contestants) {
            const double start = wall_ms();
            one.run();
            one.best_ms = std::min(one.best_ms, wall_ms() - start);
        }
    }
    const auto bytes = static_cast<double>(options.shape().elements() * sizeof(float));
    std::printf("tensors of %.0f MB, %d thread%s; best of %d rounds in turns\n", bytes / 1e6, options.threads,
                options.threads == 1 ? "" : "s", options.rounds);
    report(contestants, bytes);
    return 0;
}

}  // namespace

}  // namespace sparsetrain::bench

int main(int argc, char** argv) {
    sparsetrain::bench::Options options;
    CLI::App app("Times operators as shares of the memory's bandwidth (STREAM's triad), in turns.");
    app.option_defaults()->always_capture_default();
    app.add_option("--images", options.images, "N of the tensors")->check(CLI::Range(1, 65536));
    app.add_option("--channels", options.channels, "C of the tensors")->check(CLI::Range(1, 65536));
    app.add_option("--side", options.side, "H and W of the tensors")->check(CLI::Range(1, 4096));
    app.add_option("--threads", options.threads, "Threads")->check(CLI::Range(1, 256));
    app.add_option("--rounds", options.rounds, "How often all take turns")->check(CLI::Range(1, 1000));
    CLI11_PARSE(app, argc, argv);
    try {
        return sparsetrain::bench::run(options);
    } catch (const std::exception& error) {
        std::cerr << "ops_bench: " << error.what() << "\n";
        return 1;
    }
}
