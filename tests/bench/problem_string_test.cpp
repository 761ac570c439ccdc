// benchdnn problem strings, good and bad.
#include "problem_string.h"

#include <gtest/gtest.h>

#include "expect_layers.h"

namespace sparsetrain::bench {

namespace {

void expect_shape(const char* problem, const ConvShape& expected) {
    expect_equal(parse_layer(problem).shape, expected, problem);
}

}  // namespace

TEST(ParseLayer, TakesSquareProblems) {
    const Layer layer = parse_layer("mb16ic256oc512ih56oh56kh3ph1n\"vgg-3.2_x\"");
    EXPECT_EQ(layer.name, "vgg-3.2_x");
    expect_shape("mb16ic256oc512ih56oh56kh3ph1n\"a\"", {{16, 256, 56, 56}, 512, 3, 3, 1, {1, 1, 1, 1}});
    expect_shape("mb1_ic3_oc5_ih7_kh1_n\"a\"", {{1, 3, 7, 7}, 5, 1, 1, 1, {0, 0, 0, 0}});
}

TEST(ParseLayer, NamesALayerWithoutANameByItsProblemString) {
    for (const char* unnamed : {"mb16_ic16oc16_ih8kh3ph1", "mb16_ic16oc16_ih8kh3ph1n\"\""})
        EXPECT_EQ(parse_layer(unnamed).name, unnamed);
    expect_shape("mb16_ic16oc16_ih8kh3ph1", {{16, 16, 8, 8}, 16, 3, 3, 1, {1, 1, 1, 1}});
}

// As they are in oneDNN's own files.
TEST(ParseLayer, TakesTheNamesOfOthers) {
    for (const char* name :
         {"alexnet:conv1", "ic%simd_width_!=0_(1)", "inception_4a/3x3_reduce", "conv*2", "*2"})
        EXPECT_EQ(parse_layer(std::string("ic3oc4ih9kh3n\"") + name + "\"").name, name);
    EXPECT_EQ(parse_layer("ic3oc4ih9kh3_nbare").name, "bare");
    EXPECT_EQ(parse_layer("ic3oc4ih9kh3n\"a\"*2").name, "\"a\"*2");
}

TEST(ParseLayer, TakesEveryDirectionOnItsOwn) {
    expect_shape("mb2ic3oc5ih7iw9oh7ow7kh3kw5ph1pw1n\"a\"", {{2, 3, 7, 9}, 5, 3, 5, 1, {1, 1, 1, 1}});
    expect_shape("mb2ic3oc5ih7iw9kh3kw3ph2pw0n\"a\"", {{2, 3, 7, 9}, 5, 3, 3, 1, {2, 0, 2, 0}});
}

// Expected are the shapes that benchdnn's str2desc() makes.
TEST(ParseLayer, DeducesWhatIsMissingAsBenchdnnDoes) {
    const std::pair<const char*, ConvShape> cases[] = {
        {"ic3oc5ih7kh3", {{2, 3, 7, 7}, 5, 3, 3, 1, {}}},
        {"ic3oc5iw7kw3", {{2, 3, 1, 7}, 5, 1, 3, 1, {}}},
        {"ic3oc5iw8ow4kw3sw2pw1", {{2, 3, 1, 8}, 5, 1, 3, 2, {0, 1, 0, 0}}},
        {"ic3oc5ih8oh8kh3", {{2, 3, 8, 8}, 5, 3, 3, 1, {1, 1, 1, 1}}},
        {"ic3oc5ih8oh8kh4", {{2, 3, 8, 8}, 5, 4, 4, 1, {1, 1, 2, 2}}},
        {"ic3oc5ih8oh4kh3sh2", {{2, 3, 8, 8}, 5, 3, 3, 2, {0, 0, 1, 1}}},
        {"ic3oc5ih224oh112kh7sh2", {{2, 3, 224, 224}, 5, 7, 7, 2, {2, 2, 3, 3}}},
        {"ic3oc5ih8oh3kh3sh2", {{2, 3, 8, 8}, 5, 3, 3, 2, {}}},
        {"ic3oc5ih8iw9oh8ow7kh3kw3", {{2, 3, 8, 9}, 5, 3, 3, 1, {1, 0, 1, 0}}},
        {"ic3oc5ih8oh0kh3ph1", {{2, 3, 8, 8}, 5, 3, 3, 1, {1, 1, 1, 1}}},
        // Without keys of w that say anything, it is as h, whatever they say.
        {"ic3oc5ih8kh3ph1sw1pw0dw0", {{2, 3, 8, 8}, 5, 3, 3, 1, {1, 1, 1, 1}}},
        {"ic3oc5ih8kh3ph1id0kd0od0sd1pd0dd0", {{2, 3, 8, 8}, 5, 3, 3, 1, {1, 1, 1, 1}}},
        {"ic3oc5ih2kh3sh2", {{2, 3, 2, 2}, 5, 3, 3, 2, {0, 0, 1, 1}}},
    };
    for (const auto& [problem, expected] : cases) expect_shape(problem, expected);
}

TEST(ParseLayer, DerivesPaddingBelowAndRightFromTheOutput) {
    expect_shape("mb1ic16oc16ih56oh28kh3sh2ph1n\"a\"", {{1, 16, 56, 56}, 16, 3, 3, 2, {1, 1, 0, 0}});
    expect_shape("mb1ic16oc16ih56kh3sh2ph1n\"a\"", {{1, 16, 56, 56}, 16, 3, 3, 2, {1, 1, 0, 0}});
    expect_shape("mb1ic16oc16ih57oh28kh3sh2ph1n\"a\"", {{1, 16, 57, 57}, 16, 3, 3, 2, {1, 1, 0, 0}});
    expect_shape("mb1ic16oc16ih8oh8kh3ph0n\"a\"", {{1, 16, 8, 8}, 16, 3, 3, 1, {0, 0, 2, 2}});
}

// benchdnn counts the pixels between a filter's taps.
TEST(ParseLayer, TakesOneGroupAndNoDilation) {
    const ConvShape plain = {{1, 16, 8, 8}, 16, 3, 3, 1, {1, 1, 1, 1}};
    expect_shape("g1mb1ic16oc16ih8kh3ph1dh0dw0n\"a\"", plain);
    expect_shape("mb1ic16oc16ih8kh3ph1_dh0_n\"a\"", plain);
    expect_shape("g1_mb1_ic16_oc16_ih8_kh3_ph1_n\"a\"", plain);
}

TEST(ParseLayer, SaysWhatOfBenchdnnIsUnsupported) {
    const std::pair<const char*, const char*> cases[] = {
        {"g2mb1ic16oc16ih8kh3ph1n\"a\"",
         "expected g1, as convolutions in groups are not supported, found g2"},
        {"mb1ic16oc16ih8oh6kh3ph1dh1n\"a\"",
         "expected dh0, as dilated convolutions are not supported, found dh1"},
        {"mb1ic16oc16ih8kh3ph1dh0dw2n\"a\"",
         "expected dw0, as dilated convolutions are not supported, found dw2"},
        {"ic16oc16id8kd3", "expected no depth (id, kd, ...), as convolutions in 3D are not supported"},
        {"ic16oc16ih8iw8kh3kw3sh2sw1", "expected one stride in both directions, found different sh and sw"},
        {"ic16oc16ih8oh10kh3ph1",
         "expected less padding than the filter's 3, found 3 in the direction of oh"},
        {"ic16oc16ih8iw8kh3kw3pw3",
         "expected less padding than the filter's 3, found 3 in the direction of ow"},
        {"ic16oc16ih8oh6kh3ph1", "expected at least oh7, where the padded input ends, found oh6"},
        {"ic16oc16ih8oh3kh3", "expected at least oh6, where the padded input ends, found oh3"},
        {"ic16oc16ih8kh3n\"\xC3\xA4\"", "expected a name of printable ASCII characters, found '\"??\"'"},
    };
    for (const auto& [problem, expected] : cases) {
        try {
            parse_layer(problem);
            ADD_FAILURE() << "no error for " << problem;
        } catch (const Error& error) {
            EXPECT_EQ(std::string(error.what()), expected);
            EXPECT_EQ(error.code(), ErrorCode::unsupported) << problem;
        }
    }
}

TEST(ParseLayer, RefusesWithWhatWasExpectedAndFound) {
    const std::pair<const char*, const char*> cases[] = {
        {"",
         "expected one of the keys g, mb, ic, oc, id, ih, iw, od, oh, ow, kd, kh, kw, sd, sh, sw, pd, ph, "
         "pw, "
         "dd, dh, dw, n\"name\", found the end"},
        {"_", "found '_'"},
        {"-x", "found '-x'"},
        {"mb16ic16oc16ih8kh3ph1xx1n\"a\"", "found 'xx1n\"a\"'"},
        {"\x7F"
         "ELF\x01",
         "found '?ELF?'"},
        {"g0mb16ic16oc16ih8kh3n\"a\"", "expected a number from 1 to 536870912 after 'g'"},
        {"mb16ic16oc16ih8kh3dh-1n\"a\"", "expected a number from 0 to 536870912 after 'dh'"},
        {"16ic16", "found '16ic16'"},
        {"mb,ic16oc16ih8kh3n\"a\"",
         "expected a number from 1 to 536870912 after 'mb', found ',ic16oc16ih8kh3n\"a\"'"},
        {"mb99999999999ic16oc16ih8kh3",
         "expected a number from 1 to 536870912 after 'mb', found '99999999999ic16oc16ih8kh3'"},
        {"mb99999999999999999999ic16oc16ih8kh3", "expected a number from 1 to 536870912 after 'mb'"},
        {"mb1ic536870913oc16ih8kh3n\"a\"", "expected a number from 1 to 536870912 after 'ic'"},
        {"mb0ic16oc16ih8kh3n\"a\"", "expected a number from 1 to 536870912 after 'mb'"},
        {"mb1ic16oc0ih8kh3n\"a\"", "expected a number from 1 to 536870912 after 'oc'"},
        {"mb1ic16oc16ih8kh3ph-1n\"a\"", "expected a number from 0 to 536870912 after 'ph'"},
        {"mb1ic16oc16ic16ih8kh3n\"a\"", "expected every key once, found 'ic' twice"},
        {"mb1ic16ih8kh3n\"a\"", "expected the key 'oc', which is missing"},
        {"n\"a\"", "expected the key 'ic', which is missing"},
        {"ic16oc16", "expected the key 'ih', which is missing"},
        {"ic16oc16ih0kh3", "expected the key 'ih', which is missing"},
        {"ic16oc16ih8kh3pw1", "expected the key 'iw', which is missing"},
        {"ic16oc16ih8iw8kh3", "expected the key 'kw', which is missing"},
        {"mb1ic16oc16ih2kh3n\"a\"",
         "expected a filter no larger than the padded input in the direction of oh"},
        {"mb1ic16oc16ih8iw1kh3kw3n\"a\"",
         "expected a filter no larger than the padded input in the direction of ow"},
    };
    for (const auto& [problem, expected] : cases) {
        const std::string message = error_of([&] { parse_layer(problem); });
        EXPECT_NE(message.find(expected), std::string::npos) << problem << " gave: " << message;
    }
}

}  // namespace sparsetrain::bench
