#include "train/dataset.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "idx_writer.h"
#include "sparsetrain/error.h"
#include "temporary_directory.h"

namespace sparsetrain::train {
namespace {

// Images first to first + count - 1.
Batch consecutive(const Dataset& data, const Normalisation& normalisation, int first, int count) {
    std::vector<std::uint32_t> indices(static_cast<std::size_t>(count));
    std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(first));
    return gather(data, normalisation, indices);
}

using test::Bytes;
using test::idx_bytes;
using test::write_gzip;

class DatasetFiles : public testing::Test {
  protected:
    DatasetFiles() {
        test::write_split(directory_.path(), "train", 23);
        test::write_split(directory_.path(), "t10k", 5);
    }

    // The message of the error that loading gives; empty if there is none.
    std::string load_error() const {
        try {
            load_fashion_mnist(directory_.path());
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
            return error.what();
        }
        return {};
    }
    void expect_error(const std::string& file, const std::string& what) const {
        const std::string message = load_error();
        EXPECT_NE(message.find(file), std::string::npos) << "message: " << message;
        EXPECT_NE(message.find(what), std::string::npos) << "message: " << message;
    }

    const std::string train_images_ = "train-images-idx3-ubyte.gz";
    const std::string test_labels_ = "t10k-labels-idx1-ubyte.gz";
    test::TemporaryDirectory directory_;
};

TEST_F(DatasetFiles, GoodFilesAreReadAsWritten) {
    const DataSplits data = load_fashion_mnist(directory_.path());
    EXPECT_EQ(data.train.count, 23);
    EXPECT_EQ(data.test.count, 5);
    EXPECT_EQ(data.train.height, 28);
    EXPECT_EQ(data.train.width, 28);
    EXPECT_EQ(data.train.classes, 10);
    EXPECT_EQ(data.train.labels[17], 7);
    EXPECT_EQ(data.train.pixels[22 * 784 + 783], (7 * 22 + 783) % 256);
}

TEST_F(DatasetFiles, MissingDirectoryNamesThePackage) {
    try {
        load_fashion_mnist(directory_ / "nowhere");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("dataset-fashion-mnist"), std::string::npos) << error.what();
    }
}

TEST_F(DatasetFiles, MissingFile) {
    std::filesystem::remove(directory_ / test_labels_);
    expect_error(test_labels_, "cannot be opened");
}

TEST_F(DatasetFiles, WrongMagicNumber) {
    write_gzip(directory_ / test_labels_, idx_bytes(0x803, {5}, Bytes(5)));
    expect_error(test_labels_, "magic number 0x00000803, expected 0x00000801");
}

TEST_F(DatasetFiles, TooFewValues) {
    write_gzip(directory_ / train_images_, idx_bytes(0x803, {23, 28, 28}, Bytes(23 * 784 - 1)));
    expect_error(train_images_, "ends after 18031 values, expected 18032");
}

TEST_F(DatasetFiles, TooManyValues) {
    write_gzip(directory_ / train_images_, idx_bytes(0x803, {23, 28, 28}, Bytes(23 * 784 + 1)));
    expect_error(train_images_, "goes on after the 18032 values");
}

TEST_F(DatasetFiles, CompressedFileCutOff) {
    std::filesystem::resize_file(directory_ / train_images_,
                                 std::filesystem::file_size(directory_ / train_images_) / 2);
    expect_error(train_images_, "ends within its compressed data");
}

TEST_F(DatasetFiles, CompressedFileWithoutItsTrailer) {
    std::filesystem::resize_file(directory_ / train_images_,
                                 std::filesystem::file_size(directory_ / train_images_) - 8);
    expect_error(train_images_, "ends within its compressed data");
}

TEST_F(DatasetFiles, SomethingElseBehindCompressedData) {
    std::ofstream(directory_ / train_images_, std::ios::app | std::ios::binary) << "garbage";
    expect_error(train_images_, "has something else behind its compressed data");
}

// As `cat a.gz b.gz` makes it.
TEST_F(DatasetFiles, CompressedDataMayHaveParts) {
    const Bytes whole = idx_bytes(0x801, {5}, {0, 1, 2, 3, 4});
    write_gzip(directory_ / "a", Bytes(whole.begin(), whole.begin() + 7));
    write_gzip(directory_ / "b", Bytes(whole.begin() + 7, whole.end()));
    std::ofstream file(directory_ / test_labels_, std::ios::trunc | std::ios::binary);
    for (const char* part : {"a", "b"}) file << std::ifstream(directory_ / part, std::ios::binary).rdbuf();
    file.close();
    EXPECT_EQ(load_fashion_mnist(directory_.path()).test.labels, (std::vector<std::uint8_t>{0, 1, 2, 3, 4}));
}

TEST_F(DatasetFiles, PlainFilesAreFoundByTheirUsualNames) {
    const auto write_plain = [&](const std::string& name, const Bytes& bytes) {
        std::ofstream(directory_ / name, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    };
    for (const char* name : {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"}) {
        std::filesystem::remove(directory_ / test_labels_);
        write_plain(name, idx_bytes(0x801, {5}, {4, 3, 2, 1, 0}));
        EXPECT_EQ(load_fashion_mnist(directory_.path()).test.labels[0], 4) << name;
        write_plain(name, idx_bytes(0x801, {5}, {4, 3, 2}));
        expect_error(name, "ends after 3 values, expected 5");
        std::filesystem::remove(directory_ / name);
    }
}

// The header asks for a gigabyte, for which a process that may have no more than a few hundred megabytes has
// no room.
TEST_F(DatasetFiles, PromisesAreCheckedBeforeMemoryIsTaken) {
    write_gzip(directory_ / test_labels_, idx_bytes(0x801, {1U << 30U}, Bytes(100)));
    rlimit before{};
    getrlimit(RLIMIT_AS, &before);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit tight{pages * 4096 + (std::size_t{200} << 20U), before.rlim_max};
    setrlimit(RLIMIT_AS, &tight);
    expect_error(test_labels_, "ends after 100 values, expected 1073741824");
    setrlimit(RLIMIT_AS, &before);
}

TEST_F(DatasetFiles, HeaderCutOff) {
    write_gzip(directory_ / train_images_, {0, 0, 8, 3, 0, 0});
    expect_error(train_images_, "ends before its sizes");
}

TEST_F(DatasetFiles, EmptyFile) {
    std::ofstream(directory_ / train_images_, std::ios::trunc);
    expect_error(train_images_, "ends before its magic number");
}

TEST_F(DatasetFiles, DamagedCompression) {
    const auto path = directory_ / train_images_;
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-8, std::ios::end);  // the checksum
    file.write("\x12\x34\x56\x78", 4);
    file.close();
    expect_error(train_images_, "cannot be read");
}

TEST_F(DatasetFiles, OtherImageSize) {
    write_gzip(directory_ / train_images_, idx_bytes(0x803, {23, 32, 32}, Bytes(23 * 1024)));
    expect_error(train_images_, "images of 32x32, expected 28x28");
}

TEST_F(DatasetFiles, NoImages) {
    write_gzip(directory_ / train_images_, idx_bytes(0x803, {0, 28, 28}, {}));
    expect_error(train_images_, "size 0 of dimension 0");
}

TEST_F(DatasetFiles, SizesThatNoMemoryHolds) {
    write_gzip(directory_ / train_images_, idx_bytes(0x803, {0xffffffff, 0xffffffff, 28}, {}));
    expect_error(train_images_, "size 4294967295 of dimension 0");
}

TEST_F(DatasetFiles, LabelsThatDoNotMatchTheImages) {
    write_gzip(directory_ / test_labels_, idx_bytes(0x801, {4}, Bytes(4)));
    expect_error(test_labels_, "4 labels, expected one for each of the 5 images");
}

TEST_F(DatasetFiles, LabelOutOfRange) {
    write_gzip(directory_ / test_labels_, idx_bytes(0x801, {5}, {0, 9, 10, 0, 0}));
    expect_error(test_labels_, "label 10 of image 2, expected 0 to 9");
}

TEST_F(DatasetFiles, NormalisedImagesHaveMeanZeroAndDeviationOne) {
    const Dataset data = load_fashion_mnist(directory_.path()).train;
    const Batch all = consecutive(data, normalisation_of(data), 0, data.count);
    double sum = 0, squares = 0;
    for (const float value : all.images) {
        sum += value;
        squares += static_cast<double>(value) * value;
    }
    const auto count = static_cast<double>(all.images.size());
    EXPECT_EQ(all.images.size(), 23U * 784U);
    EXPECT_NEAR(sum / count, 0, 1e-5);
    EXPECT_NEAR(squares / count, 1, 1e-5);
}

TEST_F(DatasetFiles, ConstantImagesAreNotDividedByZero) {
    write_gzip(directory_ / train_images_, idx_bytes(0x803, {23, 28, 28}, Bytes(23 * 784, 51)));
    const Dataset data = load_fashion_mnist(directory_.path()).train;
    for (const float value : consecutive(data, normalisation_of(data), 0, 1).images)
        EXPECT_NEAR(value, 0, 1e-6);
}

TEST_F(DatasetFiles, GatherTakesTheImagesAndLabelsOfTheIndices) {
    const Dataset data = load_fashion_mnist(directory_.path()).train;
    const std::vector<std::uint32_t> indices{21, 3};
    const Batch batch = gather(data, {0, 1}, indices);
    EXPECT_EQ(batch.labels, (std::vector<std::int32_t>{1, 3}));
    EXPECT_FLOAT_EQ(batch.images[10], (7 * 21 + 10) % 256 / 255.0F);
    EXPECT_FLOAT_EQ(batch.images[784 + 10], (7 * 3 + 10) / 255.0F);
}

TEST(Indices, EveryEpochHoldsEachIndexOnce) {
    Indices indices(100, 1);
    std::vector<std::vector<std::uint32_t>> epochs(2);
    for (auto& epoch : epochs) {
        for (const int size : {60, 39, 1})
            for (const std::uint32_t index : indices.next(size)) epoch.push_back(index);
    }
    EXPECT_NE(epochs[0], epochs[1]);
    std::vector<std::uint32_t> all(100);
    std::iota(all.begin(), all.end(), 0U);
    for (auto& epoch : epochs) {
        EXPECT_NE(epoch, all) << "not shuffled";
        std::ranges::sort(epoch);
        EXPECT_EQ(epoch, all);
    }
}

TEST(Indices, BatchesReachIntoTheNextEpoch) {
    Indices indices(3, 1);
    const std::vector<std::uint32_t> batch = indices.next(7);
    for (std::uint32_t index = 0; index < 3; ++index) EXPECT_GE(std::ranges::count(batch, index), 2);
}

TEST(Indices, OrderDependsOnTheSeedAlone) {
    EXPECT_EQ(Indices(50, 7).next(120), Indices(50, 7).next(120));
    EXPECT_NE(Indices(50, 7).next(50), Indices(50, 8).next(50));
    // Fixed for ever, so that a run can be repeated with another standard library.
    EXPECT_EQ(Indices(6, 1).next(6), (std::vector<std::uint32_t>{1, 3, 0, 4, 5, 2}));
}

TEST(Indices, WithoutASeedAreInOrder) {
    Indices indices(3, std::nullopt);
    EXPECT_EQ(indices.next(2), (std::vector<std::uint32_t>{0, 1}));
    EXPECT_EQ(indices.next(5), (std::vector<std::uint32_t>{2, 0, 1, 2, 0}));
}

TEST(Indices, OfNothingAreRefused) {
    EXPECT_THROW(Indices(0, 1), Error);
}

// The real files, which the package in scripts/setup installs.
TEST(FashionMnist, HasItsKnownSizesAndStatistics) {
    const DataSplits data = load_fashion_mnist(kFashionMnistDirectory);
    EXPECT_EQ(data.train.count, 60000);
    EXPECT_EQ(data.test.count, 10000);
    for (int label = 0; label < 10; ++label) EXPECT_EQ(std::ranges::count(data.test.labels, label), 1000);
    const Normalisation normalisation = normalisation_of(data.train);
    EXPECT_NEAR(normalisation.mean, 0.2860, 1e-4);
    EXPECT_NEAR(normalisation.deviation, 0.3530, 1e-4);
}

}  // namespace
}  // namespace sparsetrain::train
