#include "train/safetensors.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "safetensors_bytes.h"
#include "temporary_directory.h"

namespace sparsetrain::train {
namespace {

using test::bytes_of;
using test::error_of;
using test::expect_message;
using Shape = std::vector<std::uint64_t>;

class Safetensors : public testing::Test {
  protected:
    template <typename T>
    std::vector<T> read(const std::string& name, std::size_t count) const {
        std::vector<T> values(count, T{-99});
        const SafetensorsFile file(path_);
        file.read(file.at(name), std::span(values));
        return values;
    }
    std::string write_error(const std::vector<TensorToWrite>& tensors,
                            const std::map<std::string, std::string>& metadata = {}) const {
        return error_of([&] { write_safetensors(path_, tensors, metadata); });
    }

    const std::vector<float> floats_{0.5F, -2, 3};
    const std::vector<std::int64_t> integers_{-1, 1LL << 40};
    const test::TemporaryDirectory directory_;
    const std::filesystem::path path_ = directory_ / "weights.safetensors";
};

// Bit by bit, so that writer and reader cannot agree on a mistake.
const std::string kHeader = R"({"__metadata__":{"by":"hand"},)"
                            R"("i":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},)"
                            R"("w":{"dtype":"F32","shape":[1,3],"data_offsets":[16,28]}}   )";
const std::string kFile = std::string("\x90\x00\x00\x00\x00\x00\x00\x00", 8) + kHeader +
                          std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8) +
                          std::string("\x00\x00\x00\x00\x00\x01\x00\x00", 8) +
                          std::string("\x00\x00\x00\x3f\x00\x00\x00\xc0\x00\x00\x40\x40", 12);

TEST_F(Safetensors, FileSpelledOutIsRead) {
    test::write_bytes(path_, kFile);
    const SafetensorsFile file(path_);
    ASSERT_EQ(file.tensors().size(), 2U);
    const TensorEntry& weights = file.tensors()[1];
    EXPECT_EQ(weights.name, "w");
    EXPECT_EQ(weights.dtype, "F32");
    EXPECT_EQ(weights.shape, (Shape{1, 3}));
    EXPECT_EQ(weights.value_count(), 3U);
    EXPECT_EQ(description(weights), "tensor \"w\", F32 [1,3]");
    EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"by", "hand"}}));
    EXPECT_EQ(read<float>("w", 3), floats_);
    EXPECT_EQ(read<std::int64_t>("i", 2), integers_);
}

TEST_F(Safetensors, FileSpelledOutIsWritten) {
    ASSERT_EQ(kHeader.size(), 0x90U);
    const std::vector<TensorToWrite> tensors{{"w", {1, 3}, floats_}, {"i", {2}, integers_}};
    write_safetensors(path_, tensors, {{"by", "hand"}});
    EXPECT_EQ(bytes_of(path_), kFile);
}

TEST_F(Safetensors, EveryBitComesBack) {
    using Limits = std::numeric_limits<float>;
    const std::vector<float> values{-0.0F,
                                    Limits::infinity(),
                                    Limits::denorm_min(),
                                    Limits::lowest(),
                                    std::nanf("0x12345"),
                                    Limits::signaling_NaN()};
    const std::vector<std::int64_t> integers{std::numeric_limits<std::int64_t>::min(),
                                             std::numeric_limits<std::int64_t>::max()};
    write_safetensors(path_, std::vector<TensorToWrite>{{"f", {6}, values}, {"i", {2}, integers}});
    const std::vector<float> back = read<float>("f", 6);
    for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(std::bit_cast<std::uint32_t>(back[i]), std::bit_cast<std::uint32_t>(values[i])) << i;
    EXPECT_EQ(read<std::int64_t>("i", 2), integers);
}

TEST_F(Safetensors, ScalarsAndEmptyTensorsComeBack) {
    const std::vector<float> nothing;
    write_safetensors(path_, std::vector<TensorToWrite>{{"scalar", {}, std::span(floats_).first(1)},
                                                        {"empty", {3, 0, 2}, nothing},
                                                        {"after", {2}, std::span(floats_).last(2)}});
    const SafetensorsFile file(path_);
    EXPECT_EQ(file.at("scalar").shape, Shape{});
    EXPECT_EQ(file.at("scalar").value_count(), 1U);
    EXPECT_EQ(file.at("empty").shape, (Shape{3, 0, 2}));
    EXPECT_EQ(file.at("empty").value_count(), 0U);
    EXPECT_EQ(read<float>("scalar", 1), std::vector<float>{0.5F});
    EXPECT_EQ(read<float>("empty", 0), nothing);
    EXPECT_EQ(read<float>("after", 2), (std::vector<float>{-2, 3}));
}

TEST_F(Safetensors, NoTensorsAreAFile) {
    write_safetensors(path_, {});
    EXPECT_EQ(bytes_of(path_), test::safetensors_bytes("{}      ", ""));
    EXPECT_TRUE(SafetensorsFile(path_).tensors().empty());
}

TEST_F(Safetensors, AnyTextIsANameOrMetadata) {
    const std::string odd = "\"\\\n\x01 \xc3\xa9 \xf0\x9f\x99\x82";
    write_safetensors(path_, std::vector<TensorToWrite>{{odd, {3}, floats_}, {"", {3}, floats_}},
                      {{odd, odd}});
    const SafetensorsFile file(path_);
    EXPECT_NE(file.find(odd), nullptr);
    EXPECT_NE(file.find(""), nullptr);
    EXPECT_EQ(file.metadata().at(odd), odd);
}

TEST_F(Safetensors, DataAreAlignedWhateverTheHeader) {
    for (std::size_t letters = 1; letters <= 8; ++letters) {
        const std::string name(letters, 'x');
        write_safetensors(path_, std::vector<TensorToWrite>{{name, {3}, floats_}, {"i", {2}, integers_}});
        EXPECT_EQ((std::filesystem::file_size(path_) - 12 - 16) % 8, 0U);
        EXPECT_EQ(SafetensorsFile(path_).at("i").begin, 0U);
        EXPECT_EQ(read<float>(name, 3), floats_);
    }
}

TEST_F(Safetensors, TensorsKeepTheirOrder) {
    std::vector<TensorToWrite> tensors;
    for (int i = 0; i < 300; ++i) tensors.push_back({std::to_string(i * 7919 % 300), {3}, floats_});
    write_safetensors(path_, tensors);
    const SafetensorsFile file(path_);
    ASSERT_EQ(file.tensors().size(), tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) EXPECT_EQ(file.tensors()[i].name, tensors[i].name);
}

TEST_F(Safetensors, TensorsAreListedInTheOrderOfTheirData) {
    const std::string header =
        test::header_of({test::entry("a", "F32", "[1]", "[4,8]"), test::entry("b", "F32", "[1]", "[0,4]")});
    test::write_bytes(path_, test::safetensors_bytes(header, std::string("\0\0\x80\x3f\0\0\0\x40", 8)));
    EXPECT_EQ(SafetensorsFile(path_).tensors()[0].name, "b");
    EXPECT_EQ(read<float>("b", 1), std::vector<float>{1});
    EXPECT_EQ(read<float>("a", 1), std::vector<float>{2});
}

TEST_F(Safetensors, EmptyTensorsMayShareTheirPlaceInAnyOrder) {
    const std::string header =
        test::header_of({test::entry("w", "F32", "[2]", "[0,8]"), test::entry("end", "F32", "[0]", "[8,8]"),
                         test::entry("begin", "F32", "[0]", "[0,0]")});
    test::write_bytes(path_, test::safetensors_bytes(header, "12345678"));
    EXPECT_EQ(SafetensorsFile(path_).tensors()[0].name, "begin");
    EXPECT_EQ(SafetensorsFile(path_).tensors()[1].name, "w");
}

// A hole of 5 GB in the file, which takes no room on the disk.
TEST_F(Safetensors, OffsetsBeyond32Bits) {
    const std::string header = test::header_of({test::entry("hole", "U8", "[5000000000]", "[0,5000000000]"),
                                                test::entry("w", "F32", "[2]", "[5000000000,5000000008]")});
    test::write_bytes(path_, test::safetensors_bytes(header, ""));
    std::filesystem::resize_file(path_, 8 + header.size() + 5000000000);
    std::ofstream(path_, std::ios::binary | std::ios::app) << std::string("\0\0\x80\x3f\0\0\0\x40", 8);
    EXPECT_EQ(read<float>("w", 2), (std::vector<float>{1, 2}));
}

TEST_F(Safetensors, OtherTypesAreListedButNotRead) {
    const std::pair<std::string, std::string> types[] = {
        {"F16", "[4]"}, {"BF16", "[4]"}, {"I32", "[2]"}, {"F64", "[1]"}, {"F6", "[10]"}};
    for (const auto& [type, shape] : types) {
        const std::string header = test::header_of({test::entry("w", type, shape, "[0,8]")});
        test::write_bytes(path_, test::safetensors_bytes(header, "12345678"));
        EXPECT_EQ(SafetensorsFile(path_).at("w").dtype, type);
        std::string found = R"(tensor "w", )";
        found.append(type).append(" ").append(shape).append(": found dtype ").append(type);
        expect_message(error_of([&] { read<float>("w", 2); }), path_, found + ", expected F32");
        expect_message(error_of([&] { read<std::int64_t>("w", 1); }), path_, found + ", expected I64");
    }
}

TEST_F(Safetensors, NothingIsConverted) {
    write_safetensors(path_, std::vector<TensorToWrite>{{"w", {3}, floats_}, {"i", {2}, integers_}});
    expect_message(error_of([&] { read<std::int64_t>("w", 3); }), path_,
                   "\"w\", F32 [3]: found dtype F32, expected I64");
    expect_message(error_of([&] { read<float>("i", 2); }), path_,
                   "\"i\", I64 [2]: found dtype I64, expected F32");
}

TEST_F(Safetensors, ReadingAnotherNumberOfValuesIsRefused) {
    write_safetensors(path_, std::vector<TensorToWrite>{{"w", {3}, floats_}});
    for (const std::size_t count : {0U, 2U, 4U})
        expect_message(error_of([&] { read<float>("w", count); }), path_,
                       "tensor \"w\", F32 [3]: expected " + std::to_string(count) + " values, found 3");
}

TEST_F(Safetensors, MissingTensorsErrorSaysWhatThereIs) {
    std::vector<TensorToWrite> tensors;
    write_safetensors(path_, tensors);
    expect_message(error_of([&] { read<float>("w", 3); }), path_,
                   "expected a tensor \"w\", found no tensors");
    for (int i = 0; i < 12; ++i) tensors.push_back({std::to_string(i), {3}, floats_});
    write_safetensors(path_, tensors);
    expect_message(error_of([&] { read<float>("w", 3); }), path_, R"(found "0", "1", )");
    expect_message(error_of([&] { read<float>("w", 3); }), path_, R"("9" and 2 more)");
    EXPECT_EQ(SafetensorsFile(path_).find("w"), nullptr);
}

TEST_F(Safetensors, FileCutOffBehindTheReadersBackIsAnError) {
    write_safetensors(path_, std::vector<TensorToWrite>{{"w", {3}, floats_}});
    const SafetensorsFile file(path_);
    std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 5);
    std::vector<float> values(3);
    expect_message(error_of([&] { file.read(file.at("w"), values); }), path_,
                   "tensor \"w\", F32 [3]: found the end of the file");
}

TEST_F(Safetensors, WriterRefusesWhatAReaderWould) {
    expect_message(write_error({{"w", {3}, floats_}, {"w", {2}, integers_}}), path_, "found its name taken");
    expect_message(write_error({{"__metadata__", {3}, floats_}}), path_, "found its name taken");
    expect_message(write_error({{"w", {2}, floats_}}), path_,
                   "tensor \"w\", F32 [2]: found 12 bytes at data_offsets [0,12], expected 8");
    expect_message(write_error({{"w", {1ULL << 32U, 1ULL << 32U, 3}, floats_}}), path_,
                   "found a shape of 2^64");
    expect_message(write_error({{"w", Shape(65, 1), std::span(floats_).first(1)}}), path_,
                   "more than 64 numbers");
    expect_message(write_error({{"\xff", {3}, floats_}}), path_, "expected names and metadata in UTF-8");
    expect_message(write_error({{"w", {3}, floats_}}, {{"key", "\xc3"}}), path_,
                   "expected names and metadata in UTF-8");
    expect_message(write_error({}, {{"key", std::string(100'000'000, 'x')}}), path_,
                   "bytes, expected no more than 100000000");
    EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace sparsetrain::train
