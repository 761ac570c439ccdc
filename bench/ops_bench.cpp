// ops_bench: operators beside convolutions, each as a share of the bandwidth of the machine's memory on the
// bytes that it has to read and write: tensors do not fit its caches. Those of weights and logits alone are
// left out, as what these take is a small part of a layer's.
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
#include "sparsetrain/layout.h"
#include "sparsetrain/linear.h"
#include "sparsetrain/pool.h"
#include "sparsetrain/relu.h"
#include "sparsetrain/sgd.h"
#include "sparsetrain/shifted_conv.h"

namespace sparsetrain::bench {

namespace {

struct Options {
    int images = 64, channels = 256, side = 28;
    int threads = 1;
    int rounds = 15;

    Shape shape() const { return {images, channels, side, side}; }
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

// A pool with what it makes; `dst` per element of src.
struct Pooled {
    Pooled(const PoolWindow& its_window, const Shape& src)
        : window(its_window),
          dst(window.dst(src)),
          mask(dst.shape()),
          choice(dst.shape().elements()),
          share(static_cast<double>(dst.shape().elements()) / static_cast<double>(src.elements())) {}

    // Of src: with dst, and with the byte of a choice per element of that.
    double tensors() const { return 1 + share; }
    double tensors_with_choice() const { return 1 + share * (1 + 0.25); }

    PoolWindow window;
    Tensor dst;
    Mask mask;
    AlignedArray<std::uint8_t> choice;
    double share;
};

// The tensors and arrays that all contestants share.
struct Data {
    explicit Data(const Options& options)
        : shape(options.shape()),
          a(normal_values(shape, 1)),
          b(normal_values(shape, 2)),
          dst(shape),
          diff(shape),
          mask(shape),
          diff_mask(shape),
          mean(static_cast<std::size_t>(options.channels)),
          variance(mean.size(), 1.0F),
          scale(mean.size(), 1.0F),
          shift(mean.size()),
          diff_scale(mean.size()),
          diff_shift(mean.size()),
          half(normal_values({shape.n, (shape.c + 1) / 2, shape.h, shape.w}, 3)),
          half_mask(half.shape()),
          pool_2x2({}, shape),
          pool_3x3({3, 3, 2, 2, {1, 1, 1, 1}}, shape),
          of_7x7({shape.n, shape.c, 7, 7}),
          of_1x1({shape.n, shape.c, 1, 1}),
          conv{.src = shape, .k = shape.c, .padding = {1, 1, 1, 1}},
          weights(conv.weights()),
          diff_weights(conv.weights()),
          taps(tap_sums_size(conv)),
          workspace(options.threads) {
        relu_forward(a.view(), dst.view(), relu_mask.view(), workspace);
    }

    BatchNorm norm() const { return {mean, variance, scale, shift}; }
    BatchNormGradients gradients() { return {diff_scale, diff_shift}; }

    Shape shape;
    Tensor a, b, dst, diff;
    Mask mask, diff_mask, relu_mask{shape};  // relu_mask: of a's ReLU, which none of them changes
    std::vector<float> mean, variance, scale, shift, diff_scale, diff_shift;
    Tensor half;  // of the channels
    Mask half_mask;
    Pooled pool_2x2, pool_3x3;  // as in VGG, and as behind ResNet's first layer
    Tensor of_7x7, of_1x1;
    ConvShape conv;
    Weights weights, diff_weights;
    AlignedArray<float> taps;
    Workspace workspace;
};

using Contestants = std::vector<Contestant>;

Contestants of_relu_and_joins(Data& d, int threads) {
    const ConstTensorView a = d.a.view(), b = d.b.view();
    const TensorView dst = d.dst.view();
    const MaskView mask = d.mask.view(), relu_mask = d.relu_mask.view();
    Workspace& w = d.workspace;
    return {
        {"triad", 3, [&d, threads] { triad(d.a, d.b, d.dst, threads); }},
        {"relu_forward", 2, [=, &w] { relu_forward(a, dst, mask, w); }},
        {"relu_backward", 2, [=, &w] { relu_backward(a, relu_mask, dst, w); }},
        {"occupancy_mask", 1, [=, &w] { occupancy_mask(a, mask, w); }},
        {"add_relu", 3, [=, &w] { add_relu(a, b, dst, mask, w); }},
        {"add_gradients", 3, [=, &w] { add_gradients(a, b, relu_mask, dst, w); }},
        {"dropout_forward", 2,
         [=, &w] {
             dropout_forward({a, {}}, 0.5F, 1, dst, mask, w);
         }},
        {"dropout_backward", 2, [=, &w] { dropout_backward(a, 0.5F, relu_mask, dst, w); }},
    };
}

Contestants of_max_pool(Data& d, Pooled& pool, const char* forward, const char* backward) {
    const ConstTensorView a = d.a.view();
    Workspace& w = d.workspace;
    return {
        {forward, pool.tensors_with_choice(),
         [=, &pool, &w] {
             max_pool_forward(a, pool.window, pool.dst.view(), pool.mask.view(), pool.choice, w);
         }},
        {backward, pool.tensors_with_choice(),
         [=, &d, &pool, &w] {
             max_pool_backward(pool.dst.view(), pool.choice, pool.window, d.relu_mask.view(), d.dst.view(),
                               d.mask.view(), w);
         }},
    };
}

Contestants of_average_pools(Data& d) {
    const ConstTensorView a = d.a.view();
    const TensorView dst = d.dst.view(), pooled = d.pool_2x2.dst.view(), of_7x7 = d.of_7x7.view(),
                     of_1x1 = d.of_1x1.view();
    const PoolWindow window = d.pool_2x2.window;
    const double pool = d.pool_2x2.tensors();
    const double adaptive =
        1 + static_cast<double>(d.of_7x7.shape().elements()) / static_cast<double>(d.shape.elements());
    Workspace& w = d.workspace;
    return {
        {"average_pool_forward", pool,
         [=, &w] { average_pool_forward(a, window, Averaged::inside, pooled, w); }},
        {"average_pool_backward", pool,
         [=, &w] { average_pool_backward(pooled, window, Averaged::inside, dst, w); }},
        {"adaptive_average_pool_forward", adaptive, [=, &w] { adaptive_average_pool_forward(a, of_7x7, w); }},
        {"adaptive_average_pool_backward", adaptive,
         [=, &w] { adaptive_average_pool_backward(of_7x7, dst, w); }},
        {"global_average_pool_forward", 1, [=, &w] { global_average_pool_forward(a, of_1x1, w); }},
        {"global_average_pool_backward", 1,
         [=, &d, &w] { global_average_pool_backward(of_1x1, d.relu_mask.view(), dst, w); }},
    };
}

// Of the same memory, as other tensors.
Contestants of_layouts(Data& d) {
    const ConstTensorView a = d.a.view();
    const TensorView dst = d.dst.view(), picture{dst.data, picture_of_features(d.shape)};
    float* const plain = d.diff.values().data();
    Workspace& w = d.workspace;
    return {
        {"nchw_to_nchw16c", 2, [=, &w] { nchw_to_nchw16c(plain, dst, w); }},
        {"nchw16c_to_nchw", 2, [=, &w] { nchw16c_to_nchw(a, plain, w); }},
        {"nhwc_to_nchw16c", 2, [=, &w] { nhwc_to_nchw16c(plain, dst, w); }},
        {"nchw16c_to_nhwc", 2, [=, &w] { nchw16c_to_nhwc(a, plain, w); }},
        {"images_to_picture", 2,
         [=, &w] {
             images_to_picture({a, {}}, picture, {}, w);
         }},
        {"picture_to_images", 2,
         [=, &w] {
             picture_to_images({{a.data, picture.shape}, {}}, {picture.data, a.shape}, {}, w);
         }},
    };
}

// Parts of whole blocks of channels, and of others ("shifted").
Contestants of_concat(Data& d) {
    const ConstTensorView a = d.a.view();
    const TensorView dst = d.dst.view(), half = d.half.view();
    const MaskView mask = d.mask.view(), half_mask = d.half_mask.view();
    const double of_half =
        2 * static_cast<double>(half.shape.elements()) / static_cast<double>(a.shape.elements());
    const int shifted = std::min(5, a.shape.c - half.shape.c);
    Workspace& w = d.workspace;
    return {
        {"write_channels", of_half, [=, &w] { write_channels(half, 0, dst, mask, w); }},
        {"write_channels_shifted", of_half, [=, &w] { write_channels(half, shifted, dst, mask, w); }},
        {"read_channels", of_half, [=, &w] { read_channels(a, 0, half, half_mask, w); }},
        {"read_channels_shifted", of_half, [=, &w] { read_channels(a, shifted, half, half_mask, w); }},
    };
}

// Around a 3x3 convolution. Of its weights, one is read, and diff_weights twice, and written.
Contestants of_shifted_conv(Data& d) {
    const ConstTensorView a = d.a.view();
    const TensorView dst = d.dst.view();
    const double unfold =
        1 + 4 * static_cast<double>(d.weights.shape().elements()) / static_cast<double>(d.shape.elements());
    const ConvScalars scalars{0.5F, 1.0F, 0.25F};
    Workspace& w = d.workspace;
    return {
        {"add_shift", 2, [=, &d, &w] { add_shift(d.conv, d.taps, scalars, a, dst, w); }},
        {"add_shift_relu", 2,
         [=, &d, &w] { add_shift_relu(d.conv, d.taps, scalars, a, dst, d.mask.view(), w); }},
        {"unfold_gradients", unfold,
         [=, &d, &w] {
             unfold_gradients(d.conv, d.weights.view(), d.taps, scalars, a, d.diff_weights.view(), w);
         }},
    };
}

Contestants of_sgd(Data& d) {
    const auto step = [&d](bool nesterov) {
        return [&d, nesterov] {
            sgd_step(d.dst.values(), d.a.values(), d.diff.values(), {0.0F, 0.9F, 0.0F, nesterov},
                     d.workspace);
        };
    };
    return {{"sgd_step", 5, step(false)}, {"sgd_step by Nesterov", 5, step(true)}};
}

Contestants of_batch_norm(Data& d) {
    const ConstTensorView a = d.a.view(), b = d.b.view();
    const TensorView dst = d.dst.view(), diff = d.diff.view();
    const MaskView mask = d.mask.view(), relu_mask = d.relu_mask.view();
    Workspace& w = d.workspace;
    return {
        {"batch_statistics", 1, [=, &d, &w] { batch_statistics(a, d.mean, d.variance, w); }},
        {"batch_norm", 2, [=, &d, &w] { batch_norm(a, d.norm(), dst, w); }},
        {"batch_norm_relu", 2, [=, &d, &w] { batch_norm_relu(a, d.norm(), dst, mask, w); }},
        {"batch_norm_add_relu", 3, [=, &d, &w] { batch_norm_add_relu(a, d.norm(), b, dst, mask, w); }},
        {"batch_norm_backward", 5,
         [=, &d, &w] { batch_norm_backward(a, d.norm(), b, dst, d.gradients(), w); }},
        {"batch_norm_relu_backward", 5,
         [=, &d, &w] { batch_norm_relu_backward(a, d.norm(), b, relu_mask, dst, d.gradients(), w); }},
        {"batch_norm_add_relu_backward", 6,
         [=, &d, &w] {
             batch_norm_add_relu_backward(a, d.norm(), b, relu_mask, dst, diff, d.gradients(), w);
         }},
    };
}

// The triad first.
Contestants contestants_for(Data& d, int threads) {
    Contestants all = of_relu_and_joins(d, threads);
    for (const Contestants& family :
         {of_max_pool(d, d.pool_2x2, "max_pool_forward 2x2", "max_pool_backward 2x2"),
          of_max_pool(d, d.pool_3x3, "max_pool_forward 3x3", "max_pool_backward 3x3"), of_average_pools(d),
          of_layouts(d), of_concat(d), of_shifted_conv(d), of_sgd(d), of_batch_norm(d)})
        all.insert(all.end(), family.begin(), family.end());
    return all;
}

void report(const Contestants& contestants, double tensor_bytes) {
    const auto rate = [&](const Contestant& one) { return one.tensors * tensor_bytes / one.best_ms / 1e6; };
    std::printf("%-32s %8s %8s %8s %9s\n", "", "tensors", "ms", "GB/s", "of triad");
    for (const Contestant& one : contestants)
        std::printf("%-32s %8.1f %8.2f %8.1f %8.0f%%\n", one.name, one.tensors, one.best_ms, rate(one),
                    100 * rate(one) / rate(contestants.front()));
}

int run(const Options& options) {
    Data data(options);
    Contestants contestants = contestants_for(data, options.threads);
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
    app.add_option("--side", options.side, "H and W of the tensors")->check(CLI::Range(2, 4096));
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
