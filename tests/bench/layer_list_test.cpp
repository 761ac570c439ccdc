// Files of problem strings.
#include "layer_list.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "expect_layers.h"

namespace sparsetrain::bench {

namespace {

// Into a file of this test's own: tests run in parallel.
std::string write_file(const std::string& text) {
    const std::string file =
        testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".txt";
    std::ofstream(file) << text;
    return file;
}

using Names = std::vector<std::string>;

Names names_of(const std::vector<Layer>& layers) {
    Names names;
    for (const Layer& layer : layers) names.push_back(layer.name);
    return names;
}

void fail_if_skipped(const std::string& skipped) {
    ADD_FAILURE() << skipped;
}

}  // namespace

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
    const std::vector<Layer> found = read_layers(CONV_BENCH_LAYERS, fail_if_skipped);
    ASSERT_EQ(found.size(), std::size(expected));
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].name, expected[i].name);
        expect_equal(found[i].shape, expected[i].shape, found[i].name);
        EXPECT_EQ(found[i].shape.dst().h * found[i].shape.stride, found[i].shape.src.h) << found[i].name;
    }
}

TEST(ReadLayers, SkipsCommentsAndKeepsTheOrder) {
    const auto layers = read_layers(
        write_file("# two layers\n\nmb1ic16oc16ih8kh3n\"b\"\nmb1ic16oc16ih8kh3n\"a\"\n"), fail_if_skipped);
    EXPECT_EQ(names_of(layers), (Names{"b", "a"}));
}

TEST(ReadLayers, SplitsAFileAsBenchdnnDoes) {
    const auto layers = read_layers(write_file("\xEF\xBB\xBFic16oc16ih8kh3n\"a\" \t\r\n"
                                               "  ic16oc16ih8kh3n\"b\"#1 #ic16oc16ih8kh3n\"x\"\r\n"
                                               "\r\n"
                                               "ic16oc16ih8kh3n\"c\" ic16oc16ih8kh3n\"d\"   # two\n"
                                               "ic16oc16\\\n  ih8kh3 \\\n  n\"e\"\\"),
                                    fail_if_skipped);
    EXPECT_EQ(names_of(layers), (Names{"a", "\"b\"#1", "c", "d", "e"}));
}

TEST(ReadLayers, TellsWhatItSkips) {
    const std::string file = write_file(
        "--mb=4 --dir=FWD_B\nic16oc16ih8kh3n\"a\"\ng4ic16oc16ih8kh3n\"b\"\n\nic16oc16ih8kh3n\"a\"\n"
        "ic16oc16ih8kh5n\"c\"\n");
    Names skipped;
    const auto layers = read_layers(
        file, [&](const std::string& text) { skipped.push_back(text); },
        [](Layer& layer) {
            layer.shape.src.n = 7;
            if (layer.shape.filter_h == 5) throw Error(ErrorCode::unsupported, "no 5x5");
        });
    EXPECT_EQ(names_of(layers), Names{"a"});
    EXPECT_EQ(layers[0].shape.src.n, 7);
    const std::string options = ", as benchdnn's options mean nothing here";
    EXPECT_EQ(skipped,
              (Names{file + ":1: skipped: '--mb=4'" + options, file + ":1: skipped: '--dir=FWD_B'" + options,
                     file + ":3: skipped: expected g1, as convolutions in groups are not supported, found g4",
                     file + ":5: skipped: 'ic16oc16ih8kh3n\"a\"' is in the list already",
                     file + ":6: skipped: no 5x5"}));
}

TEST(ReadLayers, KeepsNamesApart) {
    const auto layers = read_layers(write_file("mb2ic16oc16ih8kh3n\"a\"\nmb9ic16oc16ih8kh3n\"a\"\n"
                                               "mb1ic16oc16ih8kh3n\"a.2\"\nmb3ic16oc16ih8kh3n\"a\"\n"),
                                    fail_if_skipped);
    EXPECT_EQ(names_of(layers), (Names{"a", "a.2", "a.2.2", "a.3"}));
}

TEST(ReadLayers, NamesFileAndLine) {
    const auto error_in = [](const std::string& file) {
        return error_of([&] { read_layers(file, [](const std::string&) {}); });
    };
    const std::string bad = write_file("# comment\nmb1ic16oc16ih8kh3n\"a\"\nmb1ic16oc16kh3n\"b\"\n");
    EXPECT_EQ(error_in(bad), bad + ":3: expected the key 'ih', which is missing");
    const std::string huge = write_file("ic16oc16ih8kh3\r\n\r\nmb99999999999ic16oc16ih8kh3\r\n");
    EXPECT_EQ(
        error_in(huge),
        huge + ":3: expected a number from 1 to 536870912 after 'mb', found '99999999999ic16oc16ih8kh3'");
    for (const char* nothing : {"", "# nothing\n", "--reset\n", "g4ic16oc16ih8kh3\n", "\\\n"}) {
        const std::string empty = write_file(nothing);
        EXPECT_EQ(error_in(empty),
                  empty + ": expected at least one problem string that is supported, found none");
    }
    for (const std::string unreadable : {"/no/such/file", "/tmp"})
        EXPECT_EQ(error_in(unreadable), unreadable + ": expected a readable file of problem strings");
}

TEST(CheckMemory, RefusesTensorsThatAreTooLarge) {
    Layer layer = parse_layer("mb334ic64oc128ih224kh3ph1n\"a\"");
    check_memory(layer, 1e12);
    layer.shape.src.n = 335;
    EXPECT_EQ(error_of([&] { check_memory(layer, 1e12); }),
              "expected tensors of at most 2147483647 elements, found 2151546880 with mb335 in a");
    const Layer of_weights = parse_layer("mb1ic65536oc32768ih1kh1n\"b\"");
    EXPECT_EQ(error_of([&] { check_memory(of_weights, 1e12); }),
              "expected tensors of at most 2147483647 elements, found 2147483648 with mb1 in b");
    const Layer largest = parse_layer("mb536870912ic536870912oc536870912ih536870912kh1ph0n\"c\"");
    EXPECT_NE(error_of([&] { check_memory(largest, 1e12); }).find("expected tensors of at most"),
              std::string::npos);
}

TEST(CheckMemory, RefusesWhatTheMachineCannotHold) {
    // 16 * 16 * 64 * 64 floats, twice, and 2 * 16 * 16 * 9, all times two.
    const Layer layer = parse_layer("mb16ic16oc16ih64kh3ph1n\"a\"");
    check_memory(layer, 16.8e6);
    try {
        check_memory(layer, 16.7e6);
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(
            std::string(error.what()),
            "expected tensors, and a peer's copy of them, within the 17 MB of this machine, found 17 MB "
            "with mb16 in a");
        EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    }
    EXPECT_GT(machine_bytes(), 1e8);
}

}  // namespace sparsetrain::bench
