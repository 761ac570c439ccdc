// Which variant of the kernels runs: the choice for any CPU, and that this process keeps to it.
#include "microarchitecture.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "conv_class.h"
#include "conv_shapes.h"
#include "sparsetrain/error.h"

namespace sparsetrain::test {
namespace {

using detail::Cpu;
using schedules::Core;

constexpr Cpu kZen4 = {true, true, Core::zen4}, kSkylakeX = {true, true, Core::skylake_x},
              kSapphireRapids = {true, true, Core::sapphire_rapids}, kIceLake = {true, true, Core::other},
              kHaswell = {false, true, Core::other}, kNehalem = {false, false, Core::other};

constexpr detail::TablesList kAll = schedules::kAllTables;

std::string chosen(const Cpu& cpu, const char* uarch, const char* isa, detail::TablesList compiled = kAll) {
    return detail::choose_tables(compiled, cpu, uarch, isa).name;
}

std::string refusal(const Cpu& cpu, const char* uarch, const char* isa, detail::TablesList compiled = kAll) {
    try {
        return "none, but chose " + chosen(cpu, uarch, isa, compiled);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::unsupported);
        return error.what();
    }
}

TEST(Microarchitecture, IsTheCpusBest) {
    EXPECT_EQ(chosen(kZen4, nullptr, nullptr), "zen4");
    EXPECT_EQ(chosen(kSapphireRapids, nullptr, nullptr), "sapphire_rapids");
    EXPECT_EQ(chosen(kSkylakeX, nullptr, nullptr), "skylake_x");
    EXPECT_EQ(chosen(kIceLake, nullptr, nullptr), "avx512");
    EXPECT_EQ(chosen(kHaswell, nullptr, nullptr), "avx2");
    EXPECT_EQ(chosen(kNehalem, nullptr, nullptr), "baseline");
}

// An operating system that does not save the registers of AVX-512 takes it from a CPU that has it.
TEST(Microarchitecture, IsNoneThatLacksItsInstructionSet) {
    EXPECT_EQ(chosen({false, true, Core::zen4}, nullptr, nullptr), "avx2");
    EXPECT_EQ(chosen({false, false, Core::skylake_x}, nullptr, nullptr), "baseline");
}

TEST(Microarchitecture, IsTheBestOfTheInstructionSetThatIsNamed) {
    EXPECT_EQ(chosen(kZen4, nullptr, "avx512"), "zen4");
    EXPECT_EQ(chosen(kSkylakeX, nullptr, "avx512"), "skylake_x");
    for (const Cpu& cpu : {kZen4, kSkylakeX, kHaswell}) EXPECT_EQ(chosen(cpu, nullptr, "avx2"), "avx2");
    for (const Cpu& cpu : {kZen4, kSkylakeX, kHaswell, kNehalem})
        EXPECT_EQ(chosen(cpu, nullptr, "baseline"), "baseline");
    EXPECT_EQ(refusal(kHaswell, nullptr, "avx512"),
              "SPARSETRAIN_ISA=avx512: expected a CPU and operating system with AVX-512 F, CD, VL, DQ and "
              "BW; this one lacks them");
    EXPECT_EQ(refusal(kZen4, nullptr, "avx1024"),
              "SPARSETRAIN_ISA: expected avx512, avx2 or baseline, given \"avx1024\"");
    EXPECT_EQ(refusal(kZen4, nullptr, ""), "SPARSETRAIN_ISA: expected avx512, avx2 or baseline, given \"\"");
}

TEST(Microarchitecture, IsTheOneThatIsNamed) {
    for (const Cpu& cpu : {kZen4, kSapphireRapids, kSkylakeX, kIceLake}) {
        for (const schedules::Tables* tables : schedules::kAllTables)
            EXPECT_EQ(chosen(cpu, tables->name, nullptr), tables->name);
        for (const char* uarch : {"zen4", "sapphire_rapids", "skylake_x", "avx512"})
            EXPECT_EQ(chosen(cpu, uarch, "avx512"), uarch);
        EXPECT_EQ(chosen(cpu, "avx2", "avx2"), "avx2");
    }
    EXPECT_EQ(refusal(kHaswell, "zen4", nullptr),
              "SPARSETRAIN_UARCH=zen4: expected a CPU and operating system with AVX-512 F, CD, VL, DQ and "
              "BW; this one lacks them");
    EXPECT_EQ(refusal(kZen4, "zen5", nullptr),
              "SPARSETRAIN_UARCH: expected zen4, sapphire_rapids, skylake_x, avx512, avx2 or baseline, given "
              "\"zen5\"");
}

TEST(Microarchitecture, AndInstructionSetMustAgree) {
    EXPECT_EQ(refusal(kZen4, "zen4", "avx2"),
              "SPARSETRAIN_UARCH=zen4: expected a microarchitecture of SPARSETRAIN_ISA=avx2, given one of "
              "avx512");
    EXPECT_EQ(refusal(kZen4, "avx2", "avx512"),
              "SPARSETRAIN_UARCH=avx2: expected a microarchitecture of SPARSETRAIN_ISA=avx512, given one of "
              "avx2");
}

TEST(Microarchitecture, IsOneThatIsCompiled) {
    const schedules::Tables* const two[] = {&schedules::avx512::kTables, &schedules::avx2::kTables};
    EXPECT_EQ(chosen(kZen4, nullptr, nullptr, two), "avx512");
    EXPECT_EQ(chosen(kHaswell, nullptr, nullptr, two), "avx2");
    EXPECT_EQ(refusal(kZen4, "zen4", nullptr, two),
              "SPARSETRAIN_UARCH: expected avx512 or avx2, given \"zen4\"");

    const schedules::Tables* const avx2[] = {&schedules::avx2::kTables};
    for (const Cpu& cpu : {kZen4, kSkylakeX, kHaswell})
        for (const char* isa : {static_cast<const char*>(nullptr), "avx2"})
            EXPECT_EQ(chosen(cpu, nullptr, isa, avx2), "avx2");
    EXPECT_EQ(refusal(kZen4, nullptr, "avx512", avx2), "SPARSETRAIN_ISA: expected avx2, given \"avx512\"");
    EXPECT_EQ(refusal(kNehalem, nullptr, nullptr, avx2),
              "sparsetrain: expected a CPU and operating system with AVX2, FMA, BMI and BMI2; this one lacks "
              "them");

    const schedules::Tables* const zen4[] = {&schedules::zen4::kTables};
    EXPECT_EQ(chosen(kSkylakeX, nullptr, nullptr, zen4), "zen4");
    EXPECT_EQ(refusal(kHaswell, nullptr, nullptr, zen4),
              "sparsetrain: expected a CPU and operating system with AVX-512 F, CD, VL, DQ and BW; this one "
              "lacks them");
}

// ctest runs these under each SPARSETRAIN_UARCH that the CPU can run.
TEST(MicroarchitectureInUse, IsThatOfTheEnvironment) {
    const char* uarch = std::getenv("SPARSETRAIN_UARCH");
    const schedules::Tables& expected = detail::choose_tables(detail::compiled_tables(), detail::this_cpu(),
                                                              uarch, std::getenv("SPARSETRAIN_ISA"));
    EXPECT_STREQ(microarchitecture(), expected.name);
    EXPECT_STREQ(instruction_set(), expected.isa);
}

TEST(MicroarchitectureInUse, IsWhatConvolutionsRun) {
    ASSERT_FALSE(layer_classes().empty());
    for (const LayerClassInfo& layer : layer_classes()) {
        const ConvShape shape = shape_of(layer, {1, 16, 16, 16, 16, {}});
        EXPECT_STREQ(detail::find_class_of(shape).info.name, layer.name);
        EXPECT_STREQ(detail::find_class_of(shape).uarch, microarchitecture());
    }
}

}  // namespace
}  // namespace sparsetrain::test
