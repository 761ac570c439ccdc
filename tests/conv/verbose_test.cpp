// What SPARSETRAIN_VERBOSE prints. A process reads it once, so every test forks one of its own.
#include "verbose.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "kernel_in_use.h"
#include "layer_list.h"
#include "sparsetrain/error.h"

namespace sparsetrain::test {
namespace {

// Runs `body` where the variable has a value, or none if that is null.
template <typename Body>
void in_process_with(const char* variable, const char* value, const Body& body) {
    std::fflush(nullptr);
    const pid_t process = fork();
    if (process == 0) {
        if (value != nullptr) setenv(variable, value, 1);
        if (value == nullptr) unsetenv(variable);
        body();
        std::fflush(nullptr);
        _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(process, &status, 0), process);
    EXPECT_EQ(status, 0) << variable << "=" << (value == nullptr ? "(not set)" : value);
}
template <typename Body>
void in_process_with(const char* value, const Body& body) {
    in_process_with("SPARSETRAIN_VERBOSE", value, body);
}

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
    return parts;
}

// What `call` prints to stderr.
template <typename Call>
std::vector<std::string> lines_of(const Call& call) {
    testing::internal::CaptureStderr();
    call();
    return split(testing::internal::GetCapturedStderr(), '\n');
}

constexpr std::size_t kFields = 10;

ConvShape small_shape(const LayerClassInfo& layer) {
    return shape_of(layer, {2, 32, 12, 13, 48, {1, 1, 1, 1}});
}

int padding_after(int out, int stride, int filter, int in, int before) {
    return std::max(0, (out - 1) * stride + filter - in - before);
}

// Without the padding that no filter reaches, which makes no difference.
Padding reached_padding(const ConvShape& s) {
    return {s.padding.top, s.padding.left,
            padding_after(s.dst().h, s.stride, s.filter_h, s.src.h, s.padding.top),
            padding_after(s.dst().w, s.stride, s.filter_w, s.src.w, s.padding.left)};
}

void expect_reads_back(const std::string& problem, const ConvShape& expected) {
    const ConvShape found = bench::parse_layer(problem).shape;
    EXPECT_EQ(found.src, expected.src) << problem;
    EXPECT_EQ(found.dst(), expected.dst()) << problem;
    EXPECT_EQ(found.weights(), expected.weights()) << problem;
    EXPECT_EQ(found.stride, expected.stride) << problem;
    EXPECT_EQ(found.padding, reached_padding(expected)) << problem;
}

// A call's line against the statistics of that call.
void expect_line(const std::vector<std::string>& lines, const ConvShape& shape, const RunStatistics& run) {
    ASSERT_EQ(lines.size(), 1u);
    const auto fields = split(lines[0], ',');
    ASSERT_EQ(fields.size(), kFields) << lines[0];
    EXPECT_EQ(fields[0] + "," + fields[1], "sparsetrain_verbose,exec");
    EXPECT_EQ(fields[2], layer_of(shape).name);
    EXPECT_EQ(fields[3], to_string(run.pass));
    expect_reads_back(fields[4], shape);
    EXPECT_EQ(fields[5], to_string(run.kernel));
    EXPECT_EQ(fields[6], to_string(run.skipped));
    EXPECT_NEAR(std::stod(fields[7]), run.zeros, 0.051) << lines[0];
    EXPECT_NEAR(std::stod(fields[8]), run.skips ? run.zeros : 0, 0.051) << lines[0];
    EXPECT_GT(std::stod(fields[9]), 0) << lines[0];
}

void expect_lines_of_all_passes(const LayerClassInfo& layer, Policy policy) {
    const ConvProblem problem(small_shape(layer), Values::integers, {60}, 3);
    ConvRunner runner(problem, policy, 2);
    const Settings settings{policy, 2, MaskKind::exact, true};
    const auto expect_line_of = [&](const auto& call) {
        expect_line(lines_of(call), problem.shape, runner.last_run());
    };
    expect_line_of([&] { runner.forward(settings); });
    expect_line_of([&] { runner.forward_relu(settings); });
    if (layer.backward_data) expect_line_of([&] { runner.backward_data_masked(settings); });
    for (const Operand sparse : kOperands) expect_line_of([&] { runner.backward_weights(settings, sparse); });
}

TEST(Verbose, PrintsALinePerCallOfEveryClassAndKernel) {
    in_process_with("1", [] {
        lines_of([] { Conv2d(small_shape(layer_classes().front())); });
        for (const LayerClassInfo& layer : layer_classes())
            for (const Policy policy : all_policies()) expect_lines_of_all_passes(layer, policy);
    });
}

TEST(Verbose, BeginsWithALineAboutTheLibrary) {
    in_process_with("1", [] {
        const auto lines = lines_of([] {
            for (int plan = 0; plan < 3; ++plan) Conv2d(small_shape(layer_classes().front()));
        });
        ASSERT_EQ(lines.size(), 1u);
        EXPECT_EQ(lines[0], std::string("sparsetrain_verbose,info,sparsetrain,version:") + version() +
                                ",uarch:" + microarchitecture() + ",isa:" + instruction_set());
    });
}

TEST(Verbose, PrintsNothingWhenOff) {
    for (const char* value : {static_cast<const char*>(nullptr), "0"}) {
        in_process_with(value, [] {
            const ConvProblem problem(small_shape(layer_classes().front()), Values::integers, {60}, 3);
            const ConvReference reference(problem);
            const auto lines = lines_of([&] { expect_all_passes(problem, reference, {}); });
            EXPECT_EQ(lines, std::vector<std::string>());
        });
    }
}

TEST(Verbose, KeepsLinesOfSeveralThreadsApart) {
    constexpr int kThreads = 4, kCalls = 50;
    in_process_with("1", [] {
        const ConvProblem problem(small_shape(layer_classes().front()), Values::integers, {60}, 3);
        const auto lines = lines_of([&] {
            std::vector<std::thread> threads;
            for (int i = 0; i < kThreads; ++i)
                threads.emplace_back([&] {
                    ConvRunner runner(problem, Policy::dense, 1);
                    for (int call = 0; call < kCalls; ++call) runner.forward({Policy::dense});
                });
            for (std::thread& thread : threads) thread.join();
        });
        ASSERT_EQ(lines.size(), 1u + kThreads * kCalls);
        EXPECT_EQ(lines[0].find("sparsetrain_verbose,info,"), 0u);
        for (std::size_t i = 1; i < lines.size(); ++i) EXPECT_EQ(split(lines[i], ',').size(), kFields);
    });
}

TEST(Verbose, HasNoLineForACallThatThrows) {
    in_process_with("1", [] {
        const ConvProblem problem(small_shape(layer_classes().front()), Values::integers, {60}, 3);
        const Conv2d plan(problem.shape);
        const PackedWeights packed(problem.weights.view());
        Workspace workspace;
        const auto lines = lines_of(
            [&] { EXPECT_THROW(plan.forward(problem.src.view(), packed, {}, {}, workspace), Error); });
        EXPECT_EQ(lines, std::vector<std::string>());
    });
}

TEST(Verbose, EmptyIsAsIfNotSet) {
    in_process_with("", [] {
        const auto lines = lines_of([] { Conv2d(small_shape(layer_classes().front())); });
        EXPECT_EQ(lines, std::vector<std::string>());
    });
}

TEST(Verbose, RefusesOtherValues) {
    for (const char* value : {"3", "on", "1 "}) {
        in_process_with(value, [value] {
            for (int attempt = 0; attempt < 2; ++attempt) {
                try {
                    Conv2d(small_shape(layer_classes().front()));
                    ADD_FAILURE() << "no error";
                } catch (const Error& error) {
                    EXPECT_EQ(error.code(), ErrorCode::unsupported);
                    EXPECT_EQ(
                        std::string(error.what()),
                        std::string("SPARSETRAIN_VERBOSE: expected 0, 1 or 2, given \"") + value + "\"");
                }
            }
        });
    }
}

// A line per kernel that the class has for the pass, behind that of the call.
TEST(Verbose, ExplainsChoices) {
    in_process_with("2", [] {
        const LayerClassInfo& layer = layer_classes().front();
        const ConvProblem problem(small_shape(layer), Values::integers, {60}, 3);
        const Conv2d plan(problem.shape);
        const PackedWeights packed(problem.weights.view());
        Workspace workspace;
        TestTensor diff_src(problem.shape.src);
        std::vector<std::string> lines;
        for (int call = 0; call < 3; ++call) {
            lines = lines_of(
                [&] { plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace); });
        }
        ASSERT_GE(lines.size(), 1 + kernels_of(layer, Pass::bwd_data).size());
        EXPECT_EQ(lines[0].find("sparsetrain_verbose,exec,"), 0U);
        int chosen = 0, without_mask = 0;
        for (std::size_t i = 1; i < lines.size(); ++i) {
            const auto fields = split(lines[i], ',');
            ASSERT_EQ(fields.size(), 13U) << lines[i];
            EXPECT_EQ(fields[1] + "," + fields[2] + "," + fields[3],
                      std::string("choice,") + layer.name + ",bwd_data");
            const bool ran = fields[12] == "runs" || fields[12] == "tried now";
            if (ran) {
                EXPECT_EQ(fields[5], split(lines[0], ',')[5]);
                EXPECT_GT(std::stod(fields[9]), 0);
            }
            chosen += ran;
            if (fields[5] == "output_mask") {
                EXPECT_EQ(fields[9] + fields[10] + fields[11] + fields[12], "0needs a relu_mask");
                ++without_mask;
            }
        }
        EXPECT_EQ(chosen, 1);
        EXPECT_EQ(without_mask, in_use(Kernel::output_mask) == Kernel::output_mask ? 1 : 0);
    });
}

TEST(Choice, OfTheEnvironmentIsThatOfAllPlans) {
    const ConvShape shape = small_shape(layer_classes().front());
    const auto choice_of = [&](Choice asked) { return Conv2d(shape, Policy::automatic, asked).choice(); };
    in_process_with("SPARSETRAIN_CHOICE", "tables", [&] {
        for (const Choice asked : choices()) EXPECT_EQ(choice_of(asked), Choice::tables);
    });
    for (const char* value : {static_cast<const char*>(nullptr), "measured"})
        in_process_with("SPARSETRAIN_CHOICE", value, [&] {
            for (const Choice asked : choices()) EXPECT_EQ(choice_of(asked), asked);
        });
    in_process_with("SPARSETRAIN_CHOICE", "fastest", [&] {
        try {
            choice_of(Choice::tables);
            ADD_FAILURE() << "no error";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::unsupported);
            EXPECT_STREQ(error.what(), "SPARSETRAIN_CHOICE: expected measured or tables, given \"fastest\"");
        }
    });
}

TEST(ProblemString, IsOneDnns) {
    EXPECT_EQ(detail::problem_string({{16, 64, 56, 28}, 128, 3, 5, 2, {1, 2, 1, 2}}),
              "mb16_ic64oc128_ih56oh28kh3sh2dh0ph1_iw28ow14kw5sw2dw0pw2");
}

TEST(ProblemString, ReadsBackToTheSameLayer) {
    for (const NamedConvShape& named : tail_shapes())
        expect_reads_back(detail::problem_string(named.shape), named.shape);
    for (const LayerClassInfo& layer : layer_classes())
        for (const ConvShape& shape : padded_shapes(layer))
            expect_reads_back(detail::problem_string(shape), shape);
}

}  // namespace
}  // namespace sparsetrain::test
