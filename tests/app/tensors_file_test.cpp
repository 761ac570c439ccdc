#include "train/tensors_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "safetensors_bytes.h"
#include "temporary_directory.h"
#include "train/safetensors.h"

namespace sparsetrain::train {
namespace {

class TensorsFile : public testing::Test {
  protected:
    TensorsFile() { std::iota(pixels_.begin(), pixels_.end(), 0.5F); }

    void write() const {
        write_safetensors(path_, std::vector<TensorToWrite>{{"images", shape_, pixels_},
                                                            {"labels", {labels_.size()}, labels_}});
    }
    void expect_error(const std::string& what, int classes = 10) const {
        test::expect_message(test::error_of([&] { load_labelled_tensors(path_, classes); }), path_, what);
    }
    void expect_error_of(const std::vector<TensorToWrite>& tensors, const std::string& what) const {
        write_safetensors(path_, tensors);
        expect_error(what);
    }

    std::vector<std::uint64_t> shape_{2, 3, 4, 5};
    std::vector<float> pixels_ = std::vector<float>(120);
    std::vector<std::int64_t> labels_{9, 0};
    const test::TemporaryDirectory directory_;
    const std::filesystem::path path_ = directory_ / "images.safetensors";
};

TEST_F(TensorsFile, IsReadAsWritten) {
    write();
    const LabelledTensors data = load_labelled_tensors(path_, 10);
    EXPECT_EQ(data.count, 2);
    EXPECT_EQ(data.channels, 3);
    EXPECT_EQ(data.height, 4);
    EXPECT_EQ(data.width, 5);
    EXPECT_EQ(data.images, pixels_);
    EXPECT_EQ(data.labels, (std::vector<std::int32_t>{9, 0}));
}

TEST_F(TensorsFile, SpelledOutIsRead) {
    const std::string header = test::header_of({test::entry("images", "F32", "[1,1,1,2]", "[0,8]"),
                                                test::entry("labels", "I64", "[1]", "[8,16]"),
                                                test::entry("names", "U8", "[3]", "[16,19]")});
    const std::string data("\0\0\x80\x3f\0\0\0\x40\x07\0\0\0\0\0\0\0abc", 19);
    test::write_bytes(path_, test::safetensors_bytes(header, data));
    const LabelledTensors tensors = load_labelled_tensors(path_);
    EXPECT_EQ(tensors.width, 2);
    EXPECT_EQ(tensors.images, (std::vector<float>{1, 2}));
    EXPECT_EQ(tensors.labels, std::vector<std::int32_t>{7});
}

TEST_F(TensorsFile, ImagesNeedNotBeFinite) {
    pixels_[7] = std::nanf("");
    write();
    EXPECT_TRUE(std::isnan(load_labelled_tensors(path_).images[7]));
}

TEST_F(TensorsFile, BothTensorsAreNeeded) {
    expect_error("cannot be opened");
    expect_error_of({{"image", shape_, pixels_}, {"labels", {2}, labels_}},
                    R"(expected a tensor "images", found "labels", "image")");
    expect_error_of({{"images", shape_, pixels_}}, R"(expected a tensor "labels", found "images")");
}

TEST_F(TensorsFile, OtherTypesAreRefused) {
    const std::vector<std::int64_t> integers(120);
    const std::vector<float> floats(2);
    expect_error_of({{"images", shape_, integers}, {"labels", {2}, labels_}},
                    R"(tensor "images", I64 [2,3,4,5]: found dtype I64, expected F32)");
    expect_error_of({{"images", shape_, pixels_}, {"labels", {2}, floats}},
                    R"(tensor "labels", F32 [2]: found dtype F32, expected I64)");
}

TEST_F(TensorsFile, OtherNumbersOfDimensionsAreRefused) {
    expect_error_of({{"images", {6, 4, 5}, pixels_}, {"labels", {2}, labels_}},
                    R"(tensor "images", F32 [6,4,5]: found 3 dimensions, expected 4, [N,C,H,W])");
    expect_error_of({{"images", {2, 3, 4, 5, 1}, pixels_}, {"labels", {2}, labels_}},
                    "found 5 dimensions, expected 4, [N,C,H,W]");
    expect_error_of({{"images", shape_, pixels_}, {"labels", {2, 1}, labels_}},
                    R"(tensor "labels", I64 [2,1]: found 2 dimensions, expected 1, [N])");
}

TEST_F(TensorsFile, SizesOfZeroAreRefused) {
    const std::vector<float> no_pixels;
    const std::vector<std::int64_t> no_labels;
    for (std::size_t i = 0; i < 4; ++i) {
        std::vector<std::uint64_t> shape = shape_;
        shape[i] = 0;
        expect_error_of({{"images", shape, no_pixels}, {"labels", {0}, no_labels}},
                        "found a size of 0, expected from 1 to 2147483647");
    }
    expect_error_of({{"images", shape_, pixels_}, {"labels", {0}, no_labels}},
                    R"(tensor "labels", I64 [0]: found a size of 0)");
}

// Of a type that is not known a header can promise any number of values.
TEST_F(TensorsFile, PromisesAreCheckedBeforeMemoryIsTaken) {
    const auto write_images = [this](const std::string& type, const std::string& shape) {
        const std::string header = test::header_of({test::entry("images", type, shape, "[0,0]")});
        test::write_bytes(path_, test::safetensors_bytes(header, ""));
    };
    write_images("F2", "[1000000000,1000000000,1,1]");
    expect_error("found dtype F2, expected F32");
    write_images("F32", "[0,4294967296,1,1]");
    expect_error("found a size of 0, expected from 1");
    write_images("F32", "[4294967296,0,1,1]");
    expect_error("found a size of 4294967296, expected from 1 to 2147483647");
}

TEST_F(TensorsFile, LabelsThatDoNotMatchTheImages) {
    labels_ = {1, 2, 3};
    write();
    expect_error(R"(tensor "labels", I64 [3]: found 3 labels, expected one for each of the 2 images)");
}

TEST_F(TensorsFile, LabelsOutOfRange) {
    write();
    expect_error(R"(tensor "labels", I64 [2]: found label 9 of image 0, expected 0 to 8)", 9);
    labels_ = {0, -1};
    write();
    expect_error("found label -1 of image 1, expected 0 to 9");
    labels_ = {0, std::int64_t{1} << 32};  // 0, if it were cut to 32 bits
    write();
    expect_error("found label 4294967296 of image 1, expected 0 to 9");
    EXPECT_NE(test::error_of([&] { load_labelled_tensors(path_); }), "");
}

}  // namespace
}  // namespace sparsetrain::train
