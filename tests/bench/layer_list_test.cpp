// benchdnn problem strings, good and bad.
#include "layer_list.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "sparsetrain/error.h"

namespace sparsetrain::bench {

namespace {

// The message of the Error that `call` throws.
template <typename Call>
std::string error_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

void expect_equal(const ConvShape& found, const ConvShape& expected, const std::string& problem) {
    EXPECT_EQ(found.src, expected.src) << problem;
    EXPECT_EQ(found.k, expected.k) << problem;
    EXPECT_EQ(found.filter_h, expected.filter_h) << problem;
    EXPECT_EQ(found.filter_w, expected.filter_w) << problem;
    EXPECT_EQ(found.stride, expected.stride) << problem;
    EXPECT_EQ(found.padding, expected.padding) << problem;
}

void expect_shape(const char* problem, const ConvShape& expected) {
    expect_equal(parse_layer(problem).shape, expected, problem);
}

// Into a file of this test's own: tests run in parallel.
std::string write_file(const std::string& text) {
    const std::string file =
        testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".txt";
    std::ofstream(file) << text;
    return file;
}

}  // namespace

TEST(ParseLayer, TakesSquareProblems) {
    const Layer layer = parse_layer("mb16ic256oc512ih56oh56kh3ph1n\"vgg-3.2_x\"");
    EXPECT_EQ(layer.name, "vgg-3.2_x");
    expect_shape("mb16ic256oc512ih56oh56kh3ph1n\"a\"", {{16, 256, 56, 56}, 512, 3, 3, 1, {1, 1, 1, 1}});
    expect_shape("mb1_ic3_oc5_ih7_kh1_n\"a\"", {{1, 3, 7, 7}, 5, 1, 1, 1, {0, 0, 0, 0}});
}

TEST(ParseLayer, NamesALayerWithoutANameByItsProblemString) {
    const Layer layer = parse_layer("mb16_ic16oc16_ih8kh3ph1");
    EXPECT_EQ(layer.name, "mb16_ic16oc16_ih8kh3ph1");
    expect_shape("mb16_ic16oc16_ih8kh3ph1", {{16, 16, 8, 8}, 16, 3, 3, 1, {1, 1, 1, 1}});
}

TEST(ParseLayer, TakesEveryDirectionOnItsOwn) {
    expect_shape("mb2ic3oc5ih7iw9oh7ow7kh3kw5ph1pw1n\"a\"", {{2, 3, 7, 9}, 5, 3, 5, 1, {1, 1, 1, 1}});
    expect_shape("mb2ic3oc5ih7iw9kh3ph2pw0n\"a\"", {{2, 3, 7, 9}, 5, 3, 3, 1, {2, 0, 2, 0}});
}

TEST(ParseLayer, DerivesPaddingBelowAndRightFromTheOutput) {
    expect_shape("mb1ic16oc16ih56oh28kh3sh2ph1n\"a\"", {{1, 16, 56, 56}, 16, 3, 3, 2, {1, 1, 0, 0}});
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

TEST(ParseLayer, HasNoGroupsAndNoDilation) {
    const std::pair<const char*, const char*> cases[] = {
        {"g2mb1ic16oc16ih8kh3ph1n\"a\"",
         "expected g1, as convolutions in groups are not supported, found g2"},
        {"mb1ic16oc16ih8oh6kh3ph1dh1n\"a\"",
         "expected dh0, as dilated convolutions are not supported, found dh1"},
        {"mb1ic16oc16ih8kh3ph1dh0dw2n\"a\"",
         "expected dw0, as dilated convolutions are not supported, found dw2"},
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
         "expected one of the keys g, mb, ic, oc, ih, iw, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw, "
         "n\"name\", found the end"},
        {"_", "found the end of the line"},
        {"mb16ic16oc16ih8kh3ph1dd1n\"a\"", "found 'dd1n\"a\"'"},
        {"g0mb16ic16oc16ih8kh3n\"a\"", "expected a number of at least 1 after 'g'"},
        {"mb16ic16oc16ih8kh3dh-1n\"a\"", "expected a number of at least 0 after 'dh'"},
        {"16ic16", "found '16ic16'"},
        {"mb,ic16oc16ih8kh3n\"a\"",
         "expected a number of at least 1 after 'mb', found ',ic16oc16ih8kh3n\"a\"'"},
        {"mb0ic16oc16ih8kh3n\"a\"", "expected a number of at least 1 after 'mb'"},
        {"mb1ic16oc16ih8kh3ph-1n\"a\"", "expected a number of at least 0 after 'ph'"},
        {"mb1ic99999999999oc16ih8kh3n\"a\"", "expected a number of at least 1 after 'ic'"},
        {"mb1ic16oc16ih8kh3ph1n7", "expected a name in double quotes"},
        {"mb1ic16oc16ih8kh3ph1n\"\"", "expected a name in double quotes"},
        {"mb1ic16oc16ih8kh3ph1n\"a/b\"", "found '\"a/b\"'"},
        {"mb1ic16oc16ih8kh3ph1n\"a\" ", "expected a name in double quotes"},
        {"mb1ic16oc16ic16ih8kh3n\"a\"", "expected every key once, found 'ic' twice"},
        {"mb1ic16ih8kh3n\"a\"", "expected the key 'oc', which is missing"},
        {"mb1ic16oc16ih8kh3sh2sw1n\"a\"", "expected one stride in both directions"},
        {"mb1ic16oc16ih2kh3n\"a\"",
         "expected a filter no larger than the padded input in the direction of oh"},
        {"mb1ic16oc16ih8iw1kh3n\"a\"",
         "expected a filter no larger than the padded input in the direction of ow"},
        {"mb1ic16oc16ih8oh6kh3ph1n\"a\"",
         "expected oh7, which the input, filter, stride and padding make, found oh6"},
        {"mb1ic16oc16ih8oh9ow6kh3ph1n\"a\"", "expected ow7"},
        {"mb1ic16oc16ih8oh10kh3ph1n\"a\"",
         "expected less padding than the filter's 3, found 3 in the direction of oh"},
        {"mb1ic16oc16ih8kh3ph1pw3n\"a\"",
         "expected less padding than the filter's 3, found 3 in the direction of ow"},
    };
    for (const auto& [problem, expected] : cases) {
        const std::string message = error_of([&] { parse_layer(problem); });
        EXPECT_NE(message.find(expected), std::string::npos) << problem << " gave: " << message;
    }
}

TEST(ReadLayers, SkipsCommentsAndKeepsTheOrder) {
    const auto layers =
        read_layers(write_file("# two layers\n\nmb1ic16oc16ih8kh3n\"b\"\nmb1ic16oc16ih8kh3n\"a\"\n"));
    ASSERT_EQ(layers.size(), 2u);
    EXPECT_EQ(layers[0].name, "b");
    EXPECT_EQ(layers[1].name, "a");
}

// Figures of one version are compared with those of another: the list that conv_bench reads stays as it is.
TEST(ReadLayers, TheShippedListStaysAsItIs) {
    const Layer expected[] = {
        {"vgg1_2", {{16, 64, 224, 224}, 64, 3, 3, 1, {1, 1, 1, 1}}},
        {"vgg2_1", {{16, 64, 112, 112}, 128, 3, 3, 1, {1, 1, 1, 1}}},
        {"vgg2_2", {{16, 128, 112, 112}, 128, 3, 3, 1, {1, 1, 1, 1}}},
        {"vgg3_1", {{16, 128, 56, 56}, 256, 3, 3, 1, {1, 1, 1, 1}}},
        {"vgg3_2", {{16, 256, 56, 56}, 256, 3, 3, 1, {1, 1, 1, 1}}},
        {"vgg4_1", {{16, 256, 28, 28}, 512, 3, 3, 1, {1, 1, 1, 1}}},
        {"vgg4_2", {{16, 512, 28, 28}, 512, 3, 3, 1, {1, 1, 1, 1}}},
        {"vgg5_1", {{16, 512, 14, 14}, 512, 3, 3, 1, {1, 1, 1, 1}}},
        {"res2_3x3", {{16, 64, 56, 56}, 64, 3, 3, 1, {1, 1, 1, 1}}},
        {"res3_3x3", {{16, 128, 28, 28}, 128, 3, 3, 1, {1, 1, 1, 1}}},
        {"res4_3x3", {{16, 256, 14, 14}, 256, 3, 3, 1, {1, 1, 1, 1}}},
        {"res5_3x3", {{16, 512, 7, 7}, 512, 3, 3, 1, {1, 1, 1, 1}}},
        {"3x3s2_128-128_56", {{16, 128, 56, 56}, 128, 3, 3, 2, {1, 1, 0, 0}}},
        {"3x3s2_256-256_28", {{16, 256, 28, 28}, 256, 3, 3, 2, {1, 1, 0, 0}}},
        {"3x3s2_512-512_14", {{16, 512, 14, 14}, 512, 3, 3, 2, {1, 1, 0, 0}}},
        {"3x3s2_64-128_56", {{16, 64, 56, 56}, 128, 3, 3, 2, {1, 1, 0, 0}}},
        {"3x3s2_128-256_28", {{16, 128, 28, 28}, 256, 3, 3, 2, {1, 1, 0, 0}}},
        {"3x3s2_256-512_14", {{16, 256, 14, 14}, 512, 3, 3, 2, {1, 1, 0, 0}}},
        {"1x1_64-64_56", {{16, 64, 56, 56}, 64, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_64-256_56", {{16, 64, 56, 56}, 256, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_256-64_56", {{16, 256, 56, 56}, 64, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_256-128_56", {{16, 256, 56, 56}, 128, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_128-512_28", {{16, 128, 28, 28}, 512, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_512-128_28", {{16, 512, 28, 28}, 128, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_512-256_28", {{16, 512, 28, 28}, 256, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_256-1024_14", {{16, 256, 14, 14}, 1024, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_1024-256_14", {{16, 1024, 14, 14}, 256, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_1024-512_14", {{16, 1024, 14, 14}, 512, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_512-2048_7", {{16, 512, 7, 7}, 2048, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1_2048-512_7", {{16, 2048, 7, 7}, 512, 1, 1, 1, {0, 0, 0, 0}}},
        {"1x1s2_64-128_56", {{16, 64, 56, 56}, 128, 1, 1, 2, {0, 0, 0, 0}}},
        {"1x1s2_128-256_28", {{16, 128, 28, 28}, 256, 1, 1, 2, {0, 0, 0, 0}}},
        {"1x1s2_256-512_14", {{16, 256, 14, 14}, 512, 1, 1, 2, {0, 0, 0, 0}}},
        {"1x1s2_256-512_56", {{16, 256, 56, 56}, 512, 1, 1, 2, {0, 0, 0, 0}}},
        {"1x1s2_512-1024_28", {{16, 512, 28, 28}, 1024, 1, 1, 2, {0, 0, 0, 0}}},
        {"1x1s2_1024-2048_14", {{16, 1024, 14, 14}, 2048, 1, 1, 2, {0, 0, 0, 0}}},
    };
    const std::vector<Layer> found = read_layers(CONV_BENCH_LAYERS);
    ASSERT_EQ(found.size(), std::size(expected));
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].name, expected[i].name);
        expect_equal(found[i].shape, expected[i].shape, found[i].name);
        EXPECT_EQ(found[i].shape.dst().h * found[i].shape.stride, found[i].shape.src.h) << found[i].name;
    }
}

TEST(ReadLayers, NamesFileAndLine) {
    const std::string bad = write_file("# comment\nmb1ic16oc16ih8kh3n\"a\"\nmb1ic16oc16kh3n\"b\"\n");
    EXPECT_EQ(error_of([&] { read_layers(bad); }), bad + ":3: expected the key 'ih', which is missing");
    const std::string grouped = write_file("g4mb1ic16oc16ih8kh3n\"a\"\n");
    EXPECT_EQ(error_of([&] { read_layers(grouped); }),
              grouped + ":1: expected g1, as convolutions in groups are not supported, found g4");
    const std::string twice = write_file("mb1ic16oc16ih8kh3n\"a\"\nmb1ic16oc16ih9kh3n\"a\"\n");
    EXPECT_EQ(error_of([&] { read_layers(twice); }),
              twice + ":2: expected every name once, found \"a\" again");
    const std::string empty = write_file("# nothing\n");
    EXPECT_EQ(error_of([&] { read_layers(empty); }), empty + ": expected at least one problem string");
    EXPECT_EQ(error_of([] { read_layers("/no/such/file"); }),
              "/no/such/file: expected a readable file of problem strings");
}

TEST(SetBatch, ReplacesTheImages) {
    Layer layer = parse_layer("mb16ic3oc5ih7iw9kh3ph1n\"a\"");
    set_batch(layer, 2);
    expect_equal(layer.shape, {{2, 3, 7, 9}, 5, 3, 3, 1, {1, 1, 1, 1}}, "mb2");
}

TEST(SetBatch, RefusesTensorsThatAreTooLarge) {
    Layer layer = parse_layer("mb16ic64oc128ih224kh3ph1n\"a\"");
    set_batch(layer, 334);
    EXPECT_EQ(
        error_of([&] { set_batch(layer, 335); }),
        "expected a batch with which no tensor of a exceeds 2147483647 elements, found 335, which makes "
        "2151546880");
}

}  // namespace sparsetrain::bench
