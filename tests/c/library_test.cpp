// What the library says of itself, by both APIs.
#include "sparsetrain/library.h"

#include <algorithm>
#include <vector>

#include "c_support.h"

namespace sparsetrain::test {
namespace {

TEST(LibraryTest, Versions) {
    EXPECT_EQ(sparsetrain_c_version(), SPARSETRAIN_C_VERSION);
    EXPECT_STREQ(sparsetrain_version(), version());
    EXPECT_STREQ(sparsetrain_halide_version(), halide_version());
    EXPECT_STREQ(sparsetrain_instruction_set(), instruction_set());
    EXPECT_STREQ(sparsetrain_microarchitecture(), microarchitecture());
    ASSERT_DONE(sparsetrain_require_supported_cpu());
}

std::vector<std::string> all_names(const char* (*name)(int32_t)) {
    std::vector<std::string> names;
    for (int32_t i = 0; name(i) != nullptr; ++i) names.emplace_back(name(i));
    EXPECT_EQ(name(-1), nullptr);
    return names;
}

TEST(LibraryTest, Names) {
    using Names = std::vector<std::string>;
    EXPECT_EQ(all_names(sparsetrain_pass_name), (Names{"fwd", "bwd_data", "bwd_weights"}));
    EXPECT_EQ(all_names(sparsetrain_kernel_name), (Names{"dense", "zero_skip", "output_mask"}));
    EXPECT_EQ(all_names(sparsetrain_operand_name), (Names{"src", "diff_dst"}));
    EXPECT_EQ(all_names(sparsetrain_policy_name), (Names{"auto", "dense", "zero_skip", "output_mask"}));
    EXPECT_EQ(all_names(sparsetrain_choice_name), (Names{"measured", "tables"}));
    EXPECT_EQ(all_names(sparsetrain_microarchitecture_name),
              Names(microarchitectures().begin(), microarchitectures().end()));
}

TEST(LibraryTest, NumbersOfTheHeaderAreThoseOfTheirNames) {
    EXPECT_STREQ(sparsetrain_pass_name(SPARSETRAIN_BWD_WEIGHTS), to_string(Pass::bwd_weights));
    EXPECT_STREQ(sparsetrain_kernel_name(SPARSETRAIN_OUTPUT_MASK), to_string(Kernel::output_mask));
    EXPECT_STREQ(sparsetrain_operand_name(SPARSETRAIN_DIFF_DST), to_string(Operand::diff_dst));
}

TEST(LibraryTest, LayerClasses) {
    ASSERT_EQ(sparsetrain_layer_class_count(), static_cast<int>(layer_classes().size()));
    for (int32_t i = 0; i < sparsetrain_layer_class_count(); ++i) {
        const LayerClassInfo& expected = layer_classes()[static_cast<std::size_t>(i)];
        sparsetrain_layer_class given;
        ASSERT_DONE(sparsetrain_layer_class_info(i, &given));
        EXPECT_STREQ(given.name, expected.name);
        EXPECT_EQ(given.filter_h, expected.filter_h);
        EXPECT_EQ(given.filter_w, expected.filter_w);
        EXPECT_EQ(given.stride, expected.stride);
        EXPECT_EQ(given.skips_zeros, expected.skips_zeros ? 1 : 0);
        EXPECT_EQ(given.backward_data, expected.backward_data ? 1 : 0);
        for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights})
            for (const Kernel kernel : kernels()) {
                int32_t has = -1;
                double bound = -1;
                const auto c_pass = static_cast<int32_t>(pass), c_kernel = static_cast<int32_t>(kernel);
                ASSERT_DONE(sparsetrain_layer_class_has_kernel(i, c_pass, c_kernel, &has));
                ASSERT_DONE(sparsetrain_layer_class_error_bound(i, c_pass, c_kernel, &bound));
                const auto found = kernels_of(expected, pass);
                EXPECT_EQ(has, std::count(found.begin(), found.end(), kernel));
                EXPECT_EQ(bound, error_bound_of(expected, pass, kernel));
            }
    }
}

}  // namespace
}  // namespace sparsetrain::test
