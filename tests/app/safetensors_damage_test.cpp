// Damaged and hostile safetensors files: each is an error that says why, or a file that makes sense.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <set>

#include "safetensors_bytes.h"
#include "temporary_directory.h"
#include "train/safetensors.h"

namespace sparsetrain::train {
namespace {

using test::entry;
using test::expect_message;
using test::safetensors_bytes;

class SafetensorsDamage : public testing::Test {
  protected:
    std::string open_error() const {
        return test::error_of([this] { SafetensorsFile{path_}; });
    }
    void expect_error(const std::string& bytes, const std::string& what) const {
        test::write_bytes(path_, bytes);
        expect_message(open_error(), path_, what);
    }

    const test::TemporaryDirectory directory_;
    const std::filesystem::path path_ = directory_ / "weights.safetensors";
};

struct Fault {
    std::string header;  // in front of 8 bytes of data
    std::string what;    // the message has this
};

std::string repeated(const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return test::header_of({entry("a", dtype, shape, offsets)});
}

std::string tensors(const std::string& dtype, const std::string& first, const std::string& second) {
    return test::header_of({entry("a", dtype, "[1]", first), entry("b", dtype, "[1]", second)});
}

class SafetensorsFault : public SafetensorsDamage, public testing::WithParamInterface<Fault> {};

TEST_P(SafetensorsFault, IsNamed) {
    expect_error(safetensors_bytes(GetParam().header, "12345678"), GetParam().what);
}

const Fault kNoJson[] = {
    {"", R"(header: found "" at its begin, expected "{")"},
    {"[]", R"(header: found "[" at its begin, expected "{")"},
    {" {}", R"(header: found " " at its begin, expected "{")"},
    {"\xef\xbb\xbf{}", R"(at its begin, expected "{")"},
    {std::string("{}\0garbage", 10), "header: expected JSON, found a zero at its byte 3"},
    {"{} x", "header: expected JSON, found at its byte 4"},
    {"{", "header: expected JSON, found at its byte 2"},
    {R"({"a":})", "header: expected JSON, found at its byte 6"},
    {R"({"a)", "header: expected JSON, found at its byte"},
    {"{\"\xff\":{}}", "ill-formed UTF-8"},
    {"{\"\xc0\x80\":{}}", "ill-formed UTF-8"},
    {R"({"\ud800":{}})", "surrogate"},
    {"{\"a\x1b\":{}}", "control character"},
    {tensor("F32", "[1e999]", "[0,8]"), "number overflow"},
    {tensor("F32", "[" + std::string(100'000, '9') + "x]", "[0,8]"), "header: expected JSON"},
};
INSTANTIATE_TEST_SUITE_P(NoJson, SafetensorsFault, testing::ValuesIn(kNoJson));

const Fault kNoHeader[] = {
    {R"({"a":1})", R"(header, "a": found 1, expected an object)"},
    {R"({"a":null})", R"(header, "a": found null, expected an object)"},
    {R"({"__metadata__":"x"})", R"(header, "__metadata__": found the string "x", expected an object)"},
    {R"({"a":)" + std::string(1'000'000, '['), R"(header, "a": found a list, expected an object)"},
    {repeated(R"({"a":)", 100'000), R"(tensor "a": found "a", expected "dtype", "shape" and "data_offsets")"},
    {R"({"__metadata__":{"k":1}})", R"("__metadata__", "k": found 1, expected a string)"},
    {R"({"__metadata__":{"k":{}}})", R"("__metadata__", "k": found an object, expected a string)"},
    {R"({"__metadata__":{"k":"1","k":"2"}})", R"("__metadata__": found "k" twice, expected it once)"},
    {R"({"__metadata__":{},"__metadata__":{}})", R"(header: found "__metadata__" twice)"},
    {tensors("F32", "[0,4]", "[4,8]").replace(1, 3, R"("b")"), R"(header: found "b" twice)"},
    {tensors("F32", "[0,4]", "[4,8]").replace(1, 3, R"("\u0062")"), R"(header: found "b" twice)"},
    {R"({"a":{}})", R"(tensor "a": expected "dtype", found none)"},
    {R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", R"(tensor "a": expected "shape", found none)"},
    {R"({"a":{"dtype":"F32","shape":[2]}})", R"(tensor "a": expected "data_offsets", found none)"},
    {R"({"a":{"dtype":"F32","dtype":"F32"}})", R"(tensor "a": found "dtype" twice)"},
    {R"({"a":{"strides":[1]}})", R"(tensor "a": found "strides", expected "dtype")"},
    {R"({"a":{"dtype":32}})", R"(tensor "a", "dtype": found 32, expected a string)"},
    {tensor("f32", "[2]", "[0,8]"), R"(tensor "a", "dtype": found "f32", expected a name like F32)"},
    {tensor("", "[2]", "[0,8]"), R"("dtype": found "", expected a name)"},
    {tensor(std::string(33, 'F'), "[2]", "[0,8]"), R"(FFF", expected a name like F32)"},
    {R"({"\u001b[31m":1})", R"("\u001b[31m": found 1)"},
    {"{\"" + std::string(10'000, 'x') + "\":1}", R"(xxx...": found 1)"},
};
INSTANTIATE_TEST_SUITE_P(NoHeader, SafetensorsFault, testing::ValuesIn(kNoHeader));

const Fault kNoShape[] = {
    {tensor("F32", "null", "[0,8]"), R"(tensor "a", "shape": found null, expected a list of whole numbers)"},
    {tensor("F32", "2", "[0,8]"), R"("shape": found 2, expected a list)"},
    {tensor("F32", "{}", "[0,8]"), R"("shape": found an object, expected a list)"},
    {tensor("F32", R"(["2"])", "[0,8]"), R"("shape": found the string "2", expected whole numbers)"},
    {tensor("F32", "[[2]]", "[0,8]"), R"("shape": found a list, expected whole numbers)"},
    {tensor("F32", "[true]", "[0,8]"), R"("shape": found true, expected whole numbers)"},
    {tensor("F32", "[-2]", "[0,8]"), R"("shape": found -2, expected whole numbers from 0)"},
    {tensor("F32", "[-0]", "[0,8]"), R"("shape": found 0, expected whole numbers from 0)"},
    {tensor("F32", "[2.0]", "[0,8]"), R"("shape": found "2.0", expected whole numbers)"},
    {tensor("F32", "[2e0]", "[0,8]"), R"("shape": found "2e0", expected whole numbers)"},
    {tensor("F32", "[18446744073709551616]", "[0,8]"), R"(found "18446744073709551616", expected whole)"},
    {tensor("F32", "[1" + repeated(",1", 64) + "]", "[0,4]"), "found more than 64 numbers, expected no more"},
    {tensor("F32", "[3]", "[0,8]"), R"("a", F32 [3]: found 8 bytes at data_offsets [0,8], expected 12)"},
    {tensor("F32", "[1]", "[0,8]"), "F32 [1]: found 8 bytes at data_offsets [0,8], expected 4"},
    {tensor("F32", "[]", "[0,8]"), "F32 []: found 8 bytes at data_offsets [0,8], expected 4"},
    {tensor("F32", "[2,0]", "[0,8]"), "F32 [2,0]: found 8 bytes at data_offsets [0,8], expected 0"},
    {tensor("I64", "[2]", "[0,8]"), "I64 [2]: found 8 bytes at data_offsets [0,8], expected 16"},
    {tensor("F16", "[2]", "[0,8]"), "F16 [2]: found 8 bytes at data_offsets [0,8], expected 4"},
    {tensor("BOOL", "[2]", "[0,8]"), "BOOL [2]: found 8 bytes at data_offsets [0,8], expected 2"},
    // 4 * 2^62 bytes, and so on, which 64 bits take for 0 or 8.
    {tensor("F32", "[4611686018427387904]", "[0,0]"), "found a shape of 2^64 bytes or more"},
    {tensor("F32", "[4611686018427387906]", "[0,8]"), "found a shape of 2^64 bytes or more"},
    {tensor("F32", "[4294967296,4294967296]", "[0,0]"), "found a shape of 2^64 bytes or more"},
    {tensor("U8", "[4294967296,4294967296]", "[0,0]"), "found a shape of 2^64 bytes or more"},
    {tensor("U8", "[0,4294967296,4294967296]", "[0,0]"), "found a shape of 2^64 bytes or more"},
    {tensor("NEW", "[4294967296,4294967296]", "[0,8]"), "found a shape of 2^64 bytes or more"},
};
INSTANTIATE_TEST_SUITE_P(NoShape, SafetensorsFault, testing::ValuesIn(kNoShape));

const Fault kNoOffsets[] = {
    {tensor("F32", "[2]", "8"), R"(tensor "a", "data_offsets": found 8, expected a list)"},
    {tensor("F32", "[2]", "[]"), R"("data_offsets": found 0 numbers, expected 2)"},
    {tensor("F32", "[2]", "[8]"), R"("data_offsets": found 1 numbers, expected 2)"},
    {tensor("F32", "[2]", "[0,8,8]"),
     R"("data_offsets": found more than 2 numbers, expected a begin and an end)"},
    {tensor("F32", "[2]", "[-8,0]"), R"("data_offsets": found -8, expected whole numbers)"},
    {tensor("F32", "[2]", "[0,8.0]"), R"("data_offsets": found "8.0", expected whole numbers)"},
    {tensor("F32", "[2]", "[8,0]"), "found data_offsets [8,0], expected the begin before the end"},
    {tensor("F32", "[3]", "[0,12]"), "found data_offsets [0,12], expected an end within the file's 8 bytes"},
    {tensor("F32", "[2]", "[18446744073709551608,18446744073709551615]"),
     "expected an end within the file's 8"},
    {tensor("F32", "[1]", "[4,8]"), "found data_offsets [4,8], expected it to begin at 0"},
    {tensor("F32", "[1]", "[0,4]"), "found 8 bytes of data, expected 4, which is where the last tensor ends"},
    {"{}", "found 8 bytes of data, expected 0"},
    {tensors("U8", "[0,1]", "[7,8]"), R"("b", U8 [1]: found data_offsets [7,8], expected it to begin at 1)"},
    {tensors("U8", "[0,1]", "[7,8]"), "a hole"},
    {tensors("F32", "[0,4]", "[2,6]"),
     R"("b", F32 [1]: found data_offsets [2,6], expected it to begin at 4)"},
    {tensors("F32", "[0,4]", "[2,6]"), "an overlap"},
    {tensors("F64", "[0,8]", "[0,8]"), "an overlap"},
    {test::header_of({entry("a", "F64", "[1]", "[0,8]"), entry("b", "U8", "[0]", "[4,4]")}), "an overlap"},
};
INSTANTIATE_TEST_SUITE_P(NoOffsets, SafetensorsFault, testing::ValuesIn(kNoOffsets));

TEST_F(SafetensorsDamage, TooShortForALength) {
    expect_error("", "found 0 bytes, expected at least the 8 of the header's length");
    expect_error("1234567", "found 7 bytes, expected at least the 8");
}

TEST_F(SafetensorsDamage, HeaderLongerThanTheFile) {
    expect_error(test::little_endian(3) + "{}",
                 "found a header of 3 bytes, expected no more than 2 in a file of 10");
    expect_error(test::little_endian(~0ULL) + "{}", "found a header of 18446744073709551615 bytes");
    expect_error(test::little_endian(~0ULL - 7) + "{}", "found a header of 18446744073709551608 bytes");
}

TEST_F(SafetensorsDamage, HeaderLongerThanTheFormatHas) {
    test::write_bytes(path_, test::little_endian(100'000'001) + "{}");
    std::filesystem::resize_file(path_, 200'000'000);
    expect_message(open_error(), path_, "found a header of 100000001 bytes, expected no more than 100000000");
}

TEST_F(SafetensorsDamage, NoRegularFile) {
    expect_message(open_error(), path_, "cannot be opened: No such file or directory");
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    expect_message(open_error(), path_, "is a device, a pipe or a socket, expected a regular file");
    expect_message(test::error_of([] { SafetensorsFile{"/dev/zero"}; }), "/dev/zero", "is a device");
    expect_message(test::error_of([this] { SafetensorsFile{directory_.path()}; }), directory_.path(),
                   "is a directory, expected a file");
}

// What a file that loads must be like, seen without the reader's help; empty if it is.
std::string nonsense_in(const std::vector<TensorEntry>& tensors, std::uint64_t data_bytes) {
    std::set<std::string> names;
    std::uint64_t end = 0;
    for (const TensorEntry& tensor : tensors) {
        if (!names.insert(tensor.name).second) return "two tensors have a name";
        if (tensor.begin != end || tensor.end < tensor.begin) return "tensors do not follow each other";
        end = tensor.end;
        if (tensor.dtype != "F32" && tensor.dtype != "I64") continue;
        if (end - tensor.begin != tensor.value_count() * (tensor.dtype == "F32" ? 4 : 8)) return "wrong size";
    }
    return end == data_bytes ? "" : "the data are not covered";
}

TEST(SafetensorsDamageChecker, SeesNonsense) {
    const TensorEntry first{"a", "F32", {1, 2}, 0, 8}, second{"b", "I64", {}, 8, 16};
    EXPECT_EQ(nonsense_in({first, second}, 16), "");
    EXPECT_EQ(nonsense_in({first, second}, 17), "the data are not covered");
    EXPECT_EQ(nonsense_in({first, {"a", "I64", {}, 8, 16}}, 16), "two tensors have a name");
    EXPECT_EQ(nonsense_in({first, {"b", "I64", {}, 0, 8}}, 8), "tensors do not follow each other");
    EXPECT_EQ(nonsense_in({first, {"b", "I64", {2}, 8, 16}}, 16), "wrong size");
}

template <typename T>
void expect_values(const SafetensorsFile& file, const TensorEntry& tensor, const std::string& data) {
    std::vector<T> values(tensor.value_count());
    file.read(tensor, std::span(values));
    const auto* bytes = reinterpret_cast<const char*>(values.data());
    EXPECT_EQ(std::string(bytes, bytes + values.size() * sizeof(T)),
              data.substr(tensor.begin, tensor.end - tensor.begin));
}

// Loads bytes that may be damaged: true if they make sense, false if they are refused.
bool loads(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::remove(path);  // far faster than to cut it
    test::write_bytes(path, bytes);
    try {
        const SafetensorsFile file(path);
        std::uint64_t length = 0;
        std::memcpy(&length, bytes.data(), sizeof length);
        const std::string data = bytes.substr(sizeof length + length);
        const std::string nonsense = nonsense_in(file.tensors(), data.size());
        EXPECT_EQ(nonsense, "");
        for (const TensorEntry& tensor : file.tensors()) {
            if (tensor.dtype == "F32") expect_values<float>(file, tensor, data);
            if (tensor.dtype == "I64") expect_values<std::int64_t>(file, tensor, data);
        }
        return true;
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return false;
    }
}

class SafetensorsEveryByte : public SafetensorsDamage {
  protected:
    const std::string bytes_ = safetensors_bytes(
        test::header_of({R"("__metadata__":{"k":"v"})", entry("a", "F32", "[2,1]", "[0,8]"),
                         entry("b", "I64", "[]", "[8,16]"), entry("c", "F32", "[0]", "[16,16]")}) +
            "  ",
        "0123456789abcdef");
};

TEST_F(SafetensorsEveryByte, CutOffAnywhereIsAnError) {
    EXPECT_TRUE(loads(path_, bytes_));
    for (std::size_t size = 0; size < bytes_.size(); ++size)
        EXPECT_FALSE(loads(path_, bytes_.substr(0, size))) << size;
    EXPECT_FALSE(loads(path_, bytes_ + "x"));
}

TEST_F(SafetensorsEveryByte, ChangedIsAnErrorOrMakesSense) {
    int loaded = 0, refused = 0;
    for (std::size_t i = 0; i < bytes_.size() - 16; ++i) {
        for (int change = 1; change < 256; ++change) {
            std::string changed = bytes_;
            changed[i] = static_cast<char>(changed[i] ^ change);
            ++(loads(path_, changed) ? loaded : refused);
            ASSERT_FALSE(HasFailure()) << "byte " << i << " changed by " << change;
        }
    }
    // Names and metadata may change; punctuation and numbers may not.
    EXPECT_GT(loaded, 3 * 90);
    EXPECT_GT(refused, 100 * 255);
}

}  // namespace
}  // namespace sparsetrain::train
