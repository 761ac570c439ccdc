// conv_bench: convolution passes of this library and of peers, timed side by side.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <optional>
#include <thread>

#include "choice_report.h"
#include "fma_loop.h"
#include "group.h"
#include "layer_list.h"
#include "recorder.h"
#include "sparsetrain/error.h"
#include "sparsetrain/library.h"

namespace sparsetrain::bench {

namespace {

struct Options {
    std::string layers = CONV_BENCH_LAYERS;
    std::optional<int> batch;
    int threads = 1;
    int rounds = 5;
    bool pack = false;
    bool choice = false;
    std::vector<std::string> benchmark_flags;

    Clock clock() const { return threads == 1 ? Clock::cpu : Clock::wall; }
};

// OpenMP's idle threads wait for more work by spinning, libgomp's 300000 times (some 8 ms on Zen 4), and
// would take a core from the threads of whoever has the next turn.
constexpr std::chrono::milliseconds kIdleThreadsSpin(20);

// Google Benchmark takes both times of every run, and without UseRealTime(), which would change the
// benchmarks' names, computes rates from that of this thread's CPU. With more threads the rate is ours.
void time_implementation(benchmark::State& state, Group& group, const ImplementationEntry& entry,
                         Clock clock) {
    Group::Contestant& contestant = group.contestant(entry);
    if (!contestant.failure.empty()) return state.SkipWithError(contestant.failure.c_str());
    if (clock == Clock::wall) std::this_thread::sleep_for(kIdleThreadsSpin);
    using Steady = std::chrono::steady_clock;
    std::optional<Steady::time_point> start;  // read in the loop, as starting and ending it may wait
    std::chrono::duration<double> wall{};
    for ([[maybe_unused]] auto _ : state) {
        if (!start) start = Steady::now();
        contestant.implementation->run();
        wall = Steady::now() - *start;
    }
    state.SetLabel(contestant.implementation->label());
    const double flops = group.key().layer->shape.flops();
    state.counters["FLOPS"] =
        clock == Clock::cpu
            ? benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate)
            : benchmark::Counter(flops * static_cast<double>(state.iterations()) / wall.count());
    state.counters["checked"] = static_cast<double>(contestant.samples);
}

// Every benchmark is registered once per round, with one name: Google Benchmark's own repetitions finish one
// benchmark before the next begins, or interleave all of them, for which the data of all layers would have to
// be in memory.
void register_group(const GroupKey& key, const Options& options, CurrentGroup& current) {
    const ImplementationEntries entries = implementations_of(key.layer->shape, key.pass);
    for (int round = 0; round < options.rounds; ++round)
        for (const ImplementationEntry* entry : turns_of(round, entries)) {
            const auto run = [&current, key, entry, clock = options.clock()](benchmark::State& state) {
                time_implementation(state, current.get(key), *entry, clock);
            };
            benchmark::RegisterBenchmark(benchmark_name(key, entry->name).c_str(), run)
                ->Unit(benchmark::kMillisecond);
        }
}

// What bounds every implementation: the multiply-adds that a core can do.
void register_peak(int rounds) {
    const FmaLoop loop = widest_fma_loop();
    const auto run = [loop](benchmark::State& state) {
        for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(loop.run());
        state.SetLabel(loop.label);
        state.counters["FLOPS"] =
            benchmark::Counter(loop.flops, benchmark::Counter::kIsIterationInvariantRate);
    };
    for (int round = 0; round < rounds; ++round)
        benchmark::RegisterBenchmark("peak/fma", run)->Unit(benchmark::kMillisecond);
}

std::vector<Layer> layers_of(const Options& options) {
    const auto report = [](const std::string& skipped) { std::cerr << "conv_bench: " << skipped << "\n"; };
    return read_layers(options.layers, report, [&](Layer& layer) {
        if (options.batch) layer.shape.src.n = *options.batch;
        check_memory(layer, machine_bytes());
        const Conv2d plan(layer.shape);  // throws for what the library does not support
    });
}

void add_context(const Options& options) {
    benchmark::AddCustomContext("isa", instruction_set());
    benchmark::AddCustomContext("uarch", microarchitecture());
    benchmark::AddCustomContext("threads", std::to_string(options.threads));
    benchmark::AddCustomContext("time", options.clock() == Clock::cpu ? "cpu_time" : "real_time");
    benchmark::AddCustomContext("batch", options.batch ? std::to_string(*options.batch) : "as listed");
    benchmark::AddCustomContext("rounds", std::to_string(options.rounds));
    benchmark::AddCustomContext("sparsetrain", version());
    benchmark::AddCustomContext("halide", halide_version());
    benchmark::AddCustomContext("compiler", CONV_BENCH_COMPILER);
    benchmark::AddCustomContext("onednn", onednn_version());
    benchmark::AddCustomContext("openblas", openblas_version());
}

std::string names_of_implementations() {
    std::string names;
    for (const ImplementationEntry& entry : implementations())
        names += (names.empty() ? "" : ", ") + std::string(entry.name);
    return names;
}

// Hands `flags` to Google Benchmark, which keeps the pointer `program`. Throws if it does not know one.
void initialize_google_benchmark(char* program, std::vector<std::string> flags) {
    // Five rounds of a twentieth of a second tell more than one of half a second, Google Benchmark's default.
    std::string min_time = "--benchmark_min_time=0.05";
    std::vector<char*> arguments = {program, min_time.data()};
    for (std::string& flag : flags) arguments.push_back(flag.data());
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    if (count > 1) {
        throw Error(ErrorCode::invalid_argument,
                    std::string("expected options of conv_bench or Google Benchmark, found ") + arguments[1]);
    }
}

int run(char* program, Options options) {
    const std::vector<Layer> layers = layers_of(options);
    for (const std::string& flag : options.benchmark_flags)
        if (flag == "--benchmark_list_tests" || flag == "--benchmark_list_tests=true") options.rounds = 1;
    initialize_google_benchmark(program, options.benchmark_flags);
    add_context(options);
    use_threads(options.threads);
    pack_in_every_call(options.pack);

    if (options.choice) {
        print_choices(layers, {.rounds = options.rounds, .clock = options.clock()}, std::cout);
        return 0;
    }
    CurrentGroup current;
    register_peak(options.rounds);
    for (const Layer& layer : layers)
        for (const Pass pass : kPasses)
            for (const int percent : kZerosPercents)
                register_group({&layer, pass, percent}, options, current);
    auto* display = benchmark::CreateDefaultDisplayReporter();
    // JSON or CSV on stdout stays one document.
    std::ostream& summary = dynamic_cast<benchmark::ConsoleReporter*>(display) ? std::cout : std::cerr;
    Recorder recorder(display, options.clock());
    const bool any = benchmark::RunSpecifiedBenchmarks(&recorder) > 0;
    print_speeds(recorder.times(), layers, options.clock(), summary);
    if (recorder.failed()) std::cerr << "conv_bench: at least one implementation failed, see above\n";
    return any && !recorder.failed() ? 0 : 1;
}

}  // namespace

}  // namespace sparsetrain::bench

int main(int argc, char** argv) {
    sparsetrain::bench::Options options;
    CLI::App app(
        "Times convolution passes of this library and of peers, in turns, for random zeros in src (bwd_data: "
        "in\n"
        "diff_dst), after checking every result: " +
        sparsetrain::bench::names_of_implementations() + ".");
    app.add_option("--layers", options.layers, "File of benchdnn problem strings")->capture_default_str();
    app.add_option("--batch", options.batch, "Images per batch, in place of every layer's mb")
        ->check(CLI::Range(1, 65536));
    app.add_option("--threads", options.threads,
                   "Threads of every implementation. One: CPU time is compared, more: wall time")
        ->capture_default_str()
        ->check(CLI::Range(1, 256));
    app.add_option("--rounds", options.rounds, "How often the implementations of a group take turns")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.add_flag("--pack", options.pack,
                 "Weights of this library change before every call, as in training: packing them counts");
    app.add_flag(
        "--choice", options.choice,
        "Instead: how far auto is from the best kernel after 30 calls, for each layer, pass and zeros");
    app.footer(
        "Benchmarks are called conv/PASS/LAYER/zPERCENT/IMPLEMENTATION; peak/fma is the rate of "
        "multiply-adds "
        "that\n"
        "a core can reach. Google Benchmark's flags work too, such as "
        "--benchmark_filter=conv/fwd/vgg3_2/z50 and --benchmark_out=FILE (JSON), of which\n"
        "scripts/bench-table makes tables.");
    app.allow_extras();
    CLI11_PARSE(app, argc, argv);
    options.benchmark_flags = app.remaining();
    try {
        return sparsetrain::bench::run(argv[0], std::move(options));
    } catch (const std::exception& error) {
        std::cerr << "conv_bench: " << error.what() << "\n";
        return 1;
    }
}
