// The layers that the tuner measures, of a file as others write it.
#include "tune/layers.h"

#include <gtest/gtest.h>

#include <fstream>

#include "sparsetrain/error.h"

namespace sparsetrain::tune {
namespace {

using Names = std::vector<std::string>;

std::string write_file(const std::string& name, const std::string& text) {
    const std::string file = testing::TempDir() + "tune_" + name + ".txt";
    std::ofstream(file) << text;
    return file;
}

std::vector<bench::Layer> read(const std::string& file, const Names& names, Names& skipped) {
    return read_layers(file, names, [&](const std::string& text) { skipped.push_back(text); });
}

Names names_of(const std::vector<bench::Layer>& layers) {
    Names names;
    for (const bench::Layer& layer : layers) names.push_back(layer.name);
    return names;
}

}  // namespace

TEST(TunedLayers, AreThoseOfAFileThatTheLibrarySupports) {
    const std::string file = write_file("supported",
                                        "--dir=BWD_D\r\nic64oc64_ih56oh56kh3_n\"a/b:c*2\"\r\n"
                                        "ic16oc16ih9kh3sh7\r\ng2ic16oc16ih9kh3\r\nic16oc16ih9kh1n\"-d\"\r\n");
    Names skipped;
    const auto layers = read(file, {}, skipped);
    EXPECT_EQ(names_of(layers), (Names{"a/b:c*2", "-d"}));
    EXPECT_EQ(layers[0].shape.padding, (Padding{1, 1, 1, 1}));
    ASSERT_EQ(skipped.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string place = file + ":" + std::to_string(i == 0 ? 1 : i + 2) + ": skipped: ";
        EXPECT_TRUE(skipped[i].starts_with(place)) << skipped[i];
    }

    // What the tuner hands to the program that measures is read without a loss.
    skipped.clear();
    EXPECT_EQ(names_of(read(write_file("handed_on", to_lines(layers)), {"-d"}, skipped)), Names{"-d"});
    EXPECT_EQ(skipped, Names{});
}

TEST(TunedLayers, AreAsManyImagesAsMakeAMeasurementShort) {
    Names skipped;
    const auto layers = read(write_file("images", "mb536870912ic64oc64ih56kh3ph1n\"a\"\n"), {}, skipped);
    EXPECT_EQ(layers[0].shape.src.n, 17);
}

TEST(TunedLayers, AreRefusedIfTheyCannotBeMeasured) {
    Names skipped;
    const std::string file = write_file("large", "ic16oc16ih9kh3\nmb1ic16oc16ih20000kh3\n");
    try {
        read(file, {}, skipped);
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()),
                  file +
                      ":2: expected tensors of at most 2147483647 elements, found 6400000000 with mb1 in "
                      "mb1ic16oc16ih20000kh3");
    }
}

}  // namespace sparsetrain::tune
