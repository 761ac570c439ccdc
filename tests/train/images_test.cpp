#include "train/images.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "idx_writer.h"
#include "safetensors_bytes.h"
#include "temporary_directory.h"
#include "train/random.h"
#include "train/safetensors.h"

namespace sparsetrain::train {
namespace {

std::size_t at(int i) {
    return static_cast<std::size_t>(i);
}

// A pixel of the result is the mean of all of the plane, each weighing what is left of 1 by its distance, in
// pixels of the plane, from where the result's pixel lies, at or within the plane's outermost centres.
std::vector<double> resized(std::span<const float> plane, int height, int width, int size) {
    const auto weight = [&](int i, int from, int pixel) {
        const double centre = (i + 0.5) / size * from - 0.5;
        const double place = std::min(std::max(centre, 0.0), from - 1.0);
        return std::max(0.0, 1 - std::abs(place - pixel));
    };
    std::vector<double> result;
    for (int y = 0; y < size; ++y)
        for (int x = 0; x < size; ++x) {
            double sum = 0;
            for (int py = 0; py < height; ++py)
                for (int px = 0; px < width; ++px)
                    sum += weight(y, height, py) * weight(x, width, px) * plane[at(py * width + px)];
            result.push_back(sum);
        }
    return result;
}

std::vector<float> random_plane(int height, int width) {
    Random random(4);
    std::vector<float> plane(at(height * width));
    for (float& value : plane) value = random.symmetric(2);
    return plane;
}

void expect_near(std::span<const float> actual, const std::vector<double>& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 2e-6) << i;
}

TEST(ResizePlane, IsBilinearBetweenTheCentresOfPixels) {
    const struct {
        int height, width, size;
    } cases[] = {{5, 7, 9}, {28, 28, 12}, {28, 28, 64}, {3, 9, 4},
                 {1, 1, 5}, {1, 6, 3},    {8, 8, 1},    {10, 3, 10}};
    for (const auto& [height, width, size] : cases) {
        SCOPED_TRACE(std::to_string(height) + "x" + std::to_string(width) + " to " + std::to_string(size));
        const std::vector<float> plane = random_plane(height, width);
        std::vector<float> result{77};  // it appends
        resize_plane(plane, height, width, size, result);
        EXPECT_EQ(result[0], 77);
        expect_near(std::span(result).subspan(1), resized(plane, height, width, size));
    }
}

TEST(ResizePlane, GivesWhatPyTorchGives) {
    std::vector<float> result;
    resize_plane(std::vector<float>{1, 2, 3, 4}, 2, 2, 4, result);
    EXPECT_EQ(result, (std::vector<float>{1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3,
                                          3.25, 3.75, 4}));
}

TEST(ResizePlane, CopiesWhatHasTheSize) {
    std::vector<float> plane = random_plane(6, 6), result;
    plane[7] = std::nanf("");
    resize_plane(plane, 6, 6, 6, result);
    ASSERT_EQ(result.size(), 36U);
    for (std::size_t i = 0; i < 36; ++i) ASSERT_TRUE(i == 7 ? std::isnan(result[i]) : result[i] == plane[i]);
}

TEST(ResizePlane, KeepsAConstant) {
    std::vector<float> result;
    resize_plane(std::vector<float>(35, 0.7F), 5, 7, 11, result);
    for (const float value : result) ASSERT_FLOAT_EQ(value, 0.7F);
}

class ByteImagesTest : public testing::Test {
  protected:
    ByteImagesTest() {
        test::write_split(directory_.path(), "train", 23);
        test::write_split(directory_.path(), "t10k", 5);
        data_ = load_data("fashion-mnist", directory_.path());
    }

    const test::TemporaryDirectory directory_;
    TrainingData data_;
};

TEST_F(ByteImagesTest, AreShuffledGreyAndNormalisedByTheTrainingSet) {
    EXPECT_EQ(data_.train->count(), 23);
    EXPECT_EQ(data_.test->count(), 5);
    EXPECT_EQ(data_.format.size, 28);
    EXPECT_EQ(data_.format.channels, 1);
    EXPECT_EQ(data_.classes, 10);
    EXPECT_TRUE(data_.is_shuffled);
    const DataSplits splits = load_fashion_mnist(directory_.path());
    const Normalisation normalisation = normalisation_of(splits.train);
    const std::vector<std::uint32_t> indices{4, 1};
    for (const auto& [images, split] :
         {std::pair(data_.train.get(), &splits.train), std::pair(data_.test.get(), &splits.test)}) {
        const Batch batch = images->batch(indices, data_.format),
                    expected = gather(*split, normalisation, indices);
        EXPECT_EQ(batch.images, expected.images);
        EXPECT_EQ(batch.labels, expected.labels);
    }
}

TEST_F(ByteImagesTest, AreResizedAndRepeatedForEveryChannel) {
    const std::vector<std::uint32_t> indices{7, 3, 20};
    const Batch own = data_.train->batch(indices, data_.format);
    for (const ImageFormat& format : {ImageFormat{40, 3}, ImageFormat{12, 1}, ImageFormat{28, 3}}) {
        const Batch batch = data_.train->batch(indices, format);
        EXPECT_EQ(batch.labels, own.labels);
        const std::size_t plane = at(format.size * format.size);
        ASSERT_EQ(batch.images.size(), 3 * at(format.channels) * plane);
        for (std::size_t n = 0; n < 3; ++n)
            for (std::size_t c = 0; c < at(format.channels); ++c)
                expect_near(std::span(batch.images).subspan((n * at(format.channels) + c) * plane, plane),
                            resized(std::span(own.images).subspan(n * 784, 784), 28, 28, format.size));
    }
}

TEST_F(ByteImagesTest, TheLastConsecutiveBatchIsPartial) {
    const Batch batch = data_.train->consecutive(20, 8, data_.format);
    EXPECT_EQ(batch.labels, (std::vector<std::int32_t>{0, 1, 2}));
    EXPECT_EQ(batch.images.size(), 3U * 784U);
}

class TensorImagesTest : public testing::Test {
  protected:
    TrainingData load(const std::vector<std::uint64_t>& shape) {
        pixels_.resize(shape[0] * shape[1] * shape[2] * shape[3]);
        std::iota(pixels_.begin(), pixels_.end(), 0.5F);
        write_safetensors(path_, std::vector<TensorToWrite>{
                                     {"images", shape, std::span<const float>(pixels_)},
                                     {"labels", {labels_.size()}, std::span<const std::int64_t>(labels_)}});
        return load_data("tensors:" + path_.string(), "");
    }

    std::vector<float> pixels_;
    const std::vector<std::int64_t> labels_{4, 0, 2};
    const test::TemporaryDirectory directory_;
    const std::filesystem::path path_ = directory_ / "images.safetensors";
};

TEST_F(TensorImagesTest, AreTakenInOrderAsTheyAreAndTestedWith) {
    const TrainingData data = load({3, 2, 5, 5});
    EXPECT_FALSE(data.is_shuffled);
    EXPECT_EQ(data.classes, 5);
    EXPECT_EQ(data.format.size, 5);
    EXPECT_EQ(data.format.channels, 2);
    for (const Images* images : {data.train.get(), data.test.get()}) {
        ASSERT_EQ(images->count(), 3);
        const Batch batch = images->consecutive(0, 3, data.format);
        EXPECT_EQ(batch.images, pixels_);
        EXPECT_EQ(batch.labels, (std::vector<std::int32_t>{4, 0, 2}));
    }
    const Batch second = data.train->batch(std::vector<std::uint32_t>{1}, data.format);
    EXPECT_EQ(second.labels, std::vector<std::int32_t>{0});
    EXPECT_EQ(second.images.front(), pixels_[50]);
}

TEST_F(TensorImagesTest, MayBeMadeSquareAndOfAnotherSize) {
    const TrainingData data = load({3, 3, 4, 6});
    EXPECT_EQ(data.format.size, 6) << "the longer side";
    for (const int size : {6, 9, 3}) {
        const Batch batch = data.train->batch(std::vector<std::uint32_t>{2}, {size, 3});
        ASSERT_EQ(batch.images.size(), 3 * at(size * size));
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 0;
                 const double expected : resized(std::span(pixels_).subspan((6 + c) * 24, 24), 4, 6, size))
                ASSERT_NEAR(batch.images[c * at(size * size) + i++], expected, 1e-4);
    }
}

TEST_F(TensorImagesTest, GreyOnesAreRepeatedForEveryChannel) {
    const TrainingData data = load({3, 1, 4, 4});
    const Batch batch = data.train->batch(std::vector<std::uint32_t>{1, 2}, {4, 3});
    ASSERT_EQ(batch.images.size(), 2U * 3 * 16);
    for (std::size_t i = 0; i < batch.images.size(); ++i)
        ASSERT_EQ(batch.images[i], pixels_[(1 + i / 48) * 16 + i % 16]);
}

TEST(LoadData, NamesWhatThereIs) {
    EXPECT_EQ(check_data_name("fashion-mnist"), "");
    EXPECT_EQ(check_data_name("tensors:a.safetensors"), "");
    EXPECT_EQ(check_data_name("mnist"), "given mnist, expected fashion-mnist or tensors:FILE.safetensors");
    EXPECT_EQ(check_data_name("tensors:"), "given tensors:, expected tensors:FILE.safetensors");
    for (const char* name : {"", "mnist", "tensors", "tensors:", "Fashion-MNIST"}) {
        const std::string message = test::error_of([&] { load_data(name, ""); });
        EXPECT_EQ(message, "data: " + check_data_name(name));
    }
    const std::string none = test::error_of([] { load_data("tensors:/nowhere/a.safetensors", ""); });
    EXPECT_NE(none.find("/nowhere/a.safetensors: cannot be opened"), std::string::npos) << none;
    const std::string directory = test::error_of([] { load_data("fashion-mnist", "/nowhere"); });
    EXPECT_NE(directory.find("/nowhere: no such directory"), std::string::npos) << directory;
}

}  // namespace
}  // namespace sparsetrain::train
