// conv_bench: convolution passes of this library and of peers, timed side by side.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "group.h"
#include "layer_list.h"
#include "recorder.h"
#include "sparsetrain/error.h"

namespace sparsetrain::bench {

namespace {

struct Options {
    std::string layers = CONV_BENCH_LAYERS;
    int rounds = 5;
    std::vector<std::string> benchmark_flags;
};

void time_implementation(benchmark::State& state, Group& group, const ImplementationEntry& entry) {
    Group::Contestant& contestant = group.contestant(entry);
    if (!contestant.failure.empty()) return state.SkipWithError(contestant.failure.c_str());
    for ([[maybe_unused]] auto _ : state) contestant.implementation->run();
    state.SetLabel(contestant.implementation->label());
    state.counters["FLOPS"] =
        benchmark::Counter(group.problem().shape.flops(), benchmark::Counter::kIsIterationInvariantRate);
    state.counters["checked"] = static_cast<double>(group.problem().samples());
}

// Every benchmark is registered once per round, with one name: Google Benchmark's own repetitions finish one
// benchmark before the next begins, or interleave all of them, for which the data of all layers would have to
// be in memory.
void register_benchmarks(const std::vector<Layer>& layers, int rounds, CurrentGroup& current) {
    for (const Layer& layer : layers)
        for (const Pass pass : kPasses)
            for (const int percent : kZerosPercents)
                for (int round = 0; round < rounds; ++round)
                    for (const ImplementationEntry* entry : turns_of(round)) {
                        const GroupKey key{&layer, pass, percent};
                        const auto run = [&current, key, entry](benchmark::State& state) {
                            time_implementation(state, current.get(key), *entry);
                        };
                        benchmark::RegisterBenchmark(benchmark_name(key, entry->name).c_str(), run)
                            ->Unit(benchmark::kMillisecond);
                    }
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
    const std::vector<Layer> layers = read_layers(options.layers);
    for (const std::string& flag : options.benchmark_flags)
        if (flag == "--benchmark_list_tests" || flag == "--benchmark_list_tests=true") options.rounds = 1;
    initialize_google_benchmark(program, options.benchmark_flags);
    benchmark::AddCustomContext("threads", "1");
    benchmark::AddCustomContext("rounds", std::to_string(options.rounds));
    omp_set_num_threads(1);  // oneDNN's primitives keep the number of threads that they are created with

    CurrentGroup current;
    register_benchmarks(layers, options.rounds, current);
    auto* display = benchmark::CreateDefaultDisplayReporter();
    // JSON or CSV on stdout stays one document.
    std::ostream& summary = dynamic_cast<benchmark::ConsoleReporter*>(display) ? std::cout : std::cerr;
    Recorder recorder(display);
    const bool any = benchmark::RunSpecifiedBenchmarks(&recorder) > 0;
    print_speeds(recorder.times(), layers, summary);
    if (recorder.failed()) std::cerr << "conv_bench: at least one implementation failed, see above\n";
    return any && !recorder.failed() ? 0 : 1;
}

}  // namespace

}  // namespace sparsetrain::bench

int main(int argc, char** argv) {
    sparsetrain::bench::Options options;
    CLI::App app("Times convolution passes on one thread, for random zeros in src (bwd_data: in diff_dst).");
    app.add_option("--layers", options.layers, "File of benchdnn problem strings")->capture_default_str();
    app.add_option("--rounds", options.rounds, "How often the implementations of a group take turns")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.footer(
        "Google Benchmark's flags work too, such as --benchmark_filter=conv/fwd/vgg3_2/z50 and\n"
        "--benchmark_out=FILE (JSON).");
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
