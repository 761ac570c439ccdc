#include "sparsetrain/concat.h"

#include <bit>
#include <limits>
#include <numeric>

#include "support.h"

namespace sparsetrain::test {
namespace {

class ConcatTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, ConcatTest, testing::Values(1, 2));

constexpr int kChannels[] = {1, 3, 15, 16, 17, 31, 32, 40};

// What is concatenated: images of `h` x `w`, and the channels of each part.
struct Case {
    int n, h, w;
    std::vector<int> channels;

    Shape part(std::size_t i) const { return {n, channels[i], h, w}; }
    Shape whole() const { return {n, first(channels.size()), h, w}; }
    int first(std::size_t i) const {
        return std::accumulate(channels.begin(), channels.begin() + static_cast<std::ptrdiff_t>(i), 0);
    }
};

std::string text(const Case& one) {
    std::string parts = "parts";
    for (const int channels : one.channels) parts.append(" ").append(std::to_string(channels));
    return parts + " of " + test::text(one.whole());
}

// Pairs in every order on images of every tail, in tiles of 64 pixels; triples; and large parts.
std::vector<Case> cases() {
    std::vector<Case> all = {{3, 28, 28, {64, 128}}, {2, 14, 14, {48, 40, 88, 16}}, {1, 33, 31, {20, 7}}};
    constexpr int kSides[][2] = {{1, 1}, {2, 3}, {1, 63}, {8, 8}, {5, 13}, {9, 15}};
    for (const int a : kChannels)
        for (const int b : kChannels) {
            for (const auto& [h, w] : kSides) all.push_back({h % 2 + 1, h, w, {a, b}});
            for (const int c : kChannels) all.push_back({2, 3, 2, {a, b, c}});
        }
    return all;
}

// No two alike, none zero, so that whatever is in the wrong place shows.
Tensor distinct(const Shape& shape, float first) {
    Tensor tensor(shape);
    for_each(shape, [&](int n, int c, int y, int x) { tensor.values()[at(shape, n, c, y, x)] = first++; });
    return tensor;
}

std::vector<Tensor> distinct_parts(const Case& one) {
    std::vector<Tensor> parts;
    for (std::size_t i = 0; i < one.channels.size(); ++i)
        parts.push_back(distinct(one.part(i), 1.0F + 1e6F * static_cast<float>(i)));
    return parts;
}

void expect_zero_padding(const Tensor& tensor) {
    const Shape shape = tensor.shape();
    for_each_padding(
        shape, [&](int n, int c, int y, int x) { ASSERT_EQ(tensor.values()[at(shape, n, c, y, x)], 0); });
}

// That channels of `whole` from `first` on are those of `part`.
void expect_holds(const Tensor& whole, int first, const Tensor& part) {
    for_each(part.shape(), [&](int n, int c, int y, int x) {
        ASSERT_EQ(whole.values()[at(whole.shape(), n, first + c, y, x)],
                  part.values()[at(part.shape(), n, c, y, x)])
            << n << " " << first << " + " << c << " " << y << " " << x;
    });
}

TEST_P(ConcatTest, AWholeHasTheChannelsOfItsPartsInWhateverOrderTheyAreWritten) {
    for (const Case& one : cases())
        for (const bool last_first : {false, true}) {
            SCOPED_TRACE(text(one));
            const std::vector<Tensor> parts = distinct_parts(one);
            Tensor whole = stale(one.whole());
            for (std::size_t i = 0; i < parts.size(); ++i) {
                const std::size_t part = last_first ? parts.size() - 1 - i : i;
                write_channels(parts[part].view(), one.first(part), whole.view(), {}, workspace);
            }
            for (std::size_t i = 0; i < parts.size(); ++i) expect_holds(whole, one.first(i), parts[i]);
            expect_zero_padding(whole);
            if (HasFatalFailure()) return;
        }
}

TEST_P(ConcatTest, PartsAreReadFromTheirChannels) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(text(one));
        const Tensor whole = distinct(one.whole(), 1);
        for (std::size_t i = 0; i < one.channels.size(); ++i) {
            Tensor part = stale(one.part(i));
            read_channels(whole.view(), one.first(i), part.view(), {}, workspace);
            expect_holds(whole, one.first(i), part);
            expect_zero_padding(part);
        }
        if (HasFatalFailure()) return;
    }
}

// Every lane of channels that are not the part's, and every bit, is as it was; but if the part has the last
// channel the lanes behind it are zero.
TEST_P(ConcatTest, APartLeavesTheChannelsOfOthers) {
    for (const int before : {0, 5, 16, 21})
        for (const int behind : {0, 3, 16, 29})
            for (const int channels : kChannels) {
                const Case one{2, 5, 13, {channels}};
                const Shape shape{2, before + channels + behind, 5, 13};
                SCOPED_TRACE(text(one) + " at " + std::to_string(before) + " of " + test::text(shape));
                const Tensor part = distinct(one.part(0), 1), old = stale(shape);
                const Mask old_mask = stale_mask(shape);
                Tensor whole = stale(shape);
                Mask mask = stale_mask(shape);
                write_channels(part.view(), before, whole.view(), mask.view(), workspace);
                expect_holds(whole, before, part);
                for_each({2, channel_blocks(shape.c) * kLanes, 5, 13}, [&](int n, int c, int y, int x) {
                    if (c >= before && c < before + channels) return;
                    const bool is_cleared = behind == 0 && c >= shape.c;
                    const std::size_t i = at(shape, n, c, y, x);
                    ASSERT_EQ(whole.values()[i], is_cleared ? 0 : old.values()[i]) << c;
                    ASSERT_EQ(bit(mask.view(), n, c, y, x), !is_cleared && bit(old_mask.view(), n, c, y, x))
                        << c;
                });
                if (HasFatalFailure()) return;
            }
}

// A mask with bits anywhere, also in lanes that pad channels, and a tensor that has zeros where it has none.
struct Masked {
    explicit Masked(const Shape& shape, unsigned seed) : tensor(small_integers(shape, seed)), mask(shape) {
        std::mt19937 engine(seed);
        for (std::size_t i = 0; i < shape.pixels(); ++i) {
            mask.view().data[i] = static_cast<std::uint16_t>(engine());
            for (std::size_t lane = 0; lane < kLanes; ++lane)
                if ((mask.words()[i] >> lane & 1) == 0) tensor.values()[i * kLanes + lane] = 0;
        }
    }
    SparseInput input() const { return {tensor.view(), mask.view()}; }

    Tensor tensor;
    Mask mask;
};

// That bits of `mask` are those of `expected`, or all set if that has none, and are clear in padding lanes.
void expect_bits(const Mask& mask, int first, ConstMaskView expected, const Shape& part) {
    for_each(part, [&](int n, int c, int y, int x) {
        ASSERT_EQ(bit(mask.view(), n, first + c, y, x), !expected || bit(expected, n, c, y, x));
    });
    for_each_padding(mask.shape(),
                     [&](int n, int c, int y, int x) { ASSERT_FALSE(bit(mask.view(), n, c, y, x)) << c; });
}

TEST_P(ConcatTest, MasksMoveWithTheirChannelsAndOfPartsWithoutAllBitsAreSet) {
    for (const Case& one : cases())
        for (const std::size_t without : {std::size_t{0}, one.channels.size()}) {
            SCOPED_TRACE(text(one));
            std::vector<Masked> parts;
            Tensor whole = stale(one.whole());
            Mask mask = stale_mask(one.whole());
            *mask.view().set_bits = 1;
            for (std::size_t i = 0; i < one.channels.size(); ++i) {
                parts.emplace_back(one.part(i), static_cast<unsigned>(i));
                const SparseInput part =
                    i == without ? SparseInput(parts[i].tensor.view()) : parts[i].input();
                write_channels(part, one.first(i), whole.view(), mask.view(), workspace);
            }
            EXPECT_EQ(*mask.view().set_bits, kNotCounted);
            for (std::size_t i = 0; i < parts.size(); ++i) {
                const ConstMaskView expected = i == without ? ConstMaskView() : parts[i].mask.view();
                expect_bits(mask, one.first(i), expected, one.part(i));
                expect_holds(whole, one.first(i), parts[i].tensor);
            }
            if (HasFatalFailure()) return;
        }
}

// As that of a gradient to which the ReLU's backward has been applied.
TEST_P(ConcatTest, MasksOfPartsAreReadAndCounted) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(text(one));
        const Masked whole(one.whole(), 1);
        for (std::size_t i = 0; i < one.channels.size(); ++i) {
            const Shape shape = one.part(i);
            Tensor part = stale(shape);
            Mask mask = stale_mask(shape);
            read_channels(whole.input(), one.first(i), part.view(), mask.view(), workspace);
            std::int64_t bits = 0;
            for_each(shape, [&](int n, int c, int y, int x) {
                const bool expected = bit(whole.mask.view(), n, one.first(i) + c, y, x);
                ASSERT_EQ(bit(mask.view(), n, c, y, x), expected);
                bits += expected;
            });
            EXPECT_EQ(*mask.view().set_bits, bits);
            expect_bits(mask, 0, mask.view(), shape);
            read_channels(whole.tensor.view(), one.first(i), part.view(), mask.view(), workspace);
            expect_bits(mask, 0, {}, shape);
            expect_holds(whole.tensor, one.first(i), part);
        }
        if (HasFatalFailure()) return;
    }
}

double dot(const Tensor& a, const Tensor& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.shape().elements(); ++i)
        sum += static_cast<double>(a.values()[i]) * b.values()[i];
    return sum;
}

// The whole is linear in its parts, and reading is the transpose of writing: the backward.
TEST_P(ConcatTest, ReadingIsTheTransposeOfWriting) {
    const Case one{2, 9, 8, {17, 3, 44, 16, 31}};
    const Tensor diff_whole = small_integers(one.whole(), 1);
    Tensor whole = stale(one.whole());
    double of_parts = 0;
    for (std::size_t i = 0; i < one.channels.size(); ++i) {
        const Tensor part = small_integers(one.part(i), 2 + static_cast<unsigned>(i));
        Tensor diff_part = stale(one.part(i));
        write_channels(part.view(), one.first(i), whole.view(), {}, workspace);
        read_channels(diff_whole.view(), one.first(i), diff_part.view(), {}, workspace);
        of_parts += dot(part, diff_part);
    }
    EXPECT_EQ(dot(whole, diff_whole), of_parts);
    EXPECT_NE(of_parts, 0);
}

TEST_P(ConcatTest, EveryBitOfAValueMoves) {
    const float values[] = {std::bit_cast<float>(0x7fa00001U),  // a signalling NaN
                            -std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(),
                            -0.0F, std::numeric_limits<float>::denorm_min()};
    for (const int first : {0, 5, 16}) {
        const Shape shape{1, 32, 2, 3}, whole_shape{1, 40 + first, 2, 3};
        Tensor part = small_integers(shape, 1), whole = stale(whole_shape), back = stale(shape);
        int channel = 9;
        for (const float value : values) part.values()[at(shape, 0, channel++, 1, 0)] = value;
        write_channels(part.view(), first, whole.view(), {}, workspace);
        read_channels(whole.view(), first, back.view(), {}, workspace);
        for_each(shape, [&](int n, int c, int y, int x) {
            const auto bits = [&](const Tensor& tensor, int from) {
                return std::bit_cast<std::uint32_t>(tensor.values()[at(tensor.shape(), n, from + c, y, x)]);
            };
            ASSERT_EQ(bits(whole, first), bits(part, 0)) << c;
            ASSERT_EQ(bits(back, 0), bits(part, 0)) << c;
        });
    }
}

// NaN in the lanes around a part stays there, whatever the part is.
TEST_P(ConcatTest, WhatIsNotFiniteStaysWithItsChannel) {
    const Shape shape{1, 7, 3, 3}, whole_shape{1, 30, 3, 3};
    Tensor whole(whole_shape), part = stale(shape);
    for_each(whole_shape, [&](int n, int c, int y, int x) {
        whole.values()[at(whole_shape, n, c, y, x)] =
            c >= 12 && c < 19 ? 1.0F : std::numeric_limits<float>::quiet_NaN();
    });
    read_channels(whole.view(), 12, part.view(), {}, workspace);
    for_each(shape,
             [&](int n, int c, int y, int x) { ASSERT_EQ(part.values()[at(shape, n, c, y, x)], 1) << c; });
    expect_zero_padding(part);
}

class ConcatErrors : public testing::Test {
  protected:
    void expect_both(TensorView one_part, int first, TensorView one_whole,
                     const std::vector<std::string>& words) {
        std::vector<std::string> all = words;
        all.insert(all.begin(), "write_channels");
        expect_invalid([&] { write_channels(one_part, first, one_whole, {}, workspace); }, all);
        all.front() = "read_channels";
        expect_invalid([&] { read_channels(one_whole, first, one_part, {}, workspace); }, all);
    }

    Workspace workspace;
    Tensor whole{{2, 40, 3, 5}}, part{{2, 24, 3, 5}};
    Mask whole_mask{whole.shape()}, part_mask{part.shape()};
};

TEST_F(ConcatErrors, NameTheFunctionTheArgumentAndBothValues) {
    for (const Shape& shape : {Shape{1, 24, 3, 5}, Shape{2, 24, 2, 5}, Shape{2, 24, 3, 4}}) {
        Tensor wrong(shape);
        expect_both(wrong.view(), 0, whole.view(), {"part", "N2 C24 H3 W5", test::text(shape)});
    }
    expect_both({part.view().data, {2, 0, 3, 5}}, 0, whole.view(), {"part", "at least 1", "C0"});
    expect_both(part.view(), 0, {whole.view().data, {2, 40, -3, 5}}, {"whole", "at least 1", "H-3"});
    expect_both({nullptr, part.shape()}, 0, whole.view(), {"part", "null"});
    expect_both(part.view(), 0, {nullptr, whole.shape()}, {"whole", "null"});
    expect_both({part.view().data + 4, part.shape()}, 0, whole.view(), {"part", "64", "16 bytes off"});
    expect_both(part.view(), 0, {whole.view().data, whole.shape(), Layout(1)},
                {"whole", "layout", "value 1"});
    expect_both({part.view().data, part.shape(), Layout(1)}, 0, whole.view(), {"part", "layout", "value 1"});
}

TEST_F(ConcatErrors, ChannelsBeyondTheWholeAreRefused) {
    for (const int first : {-1, 17, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()})
        expect_both(part.view(), first, whole.view(),
                    {"first_channel", "0 to 16", "24 of 40 channels", "given " + std::to_string(first)});
    expect_both(whole.view(), 0, part.view(), {"part", "at most the 24 channels of the whole", "given 40"});
    write_channels(part.view(), 16, whole.view(), {}, workspace);
    read_channels(whole.view(), 16, part.view(), {}, workspace);
}

TEST_F(ConcatErrors, MasksHaveTheShapesOfTheirTensors) {
    Mask wrong({2, 24, 3, 4});
    const std::vector<std::string> shapes = {"N2 C24 H3 W5", "N2 C24 H3 W4"};
    expect_invalid(
        [&] {
            write_channels({part.view(), wrong.view()}, 0, whole.view(), {}, workspace);
        },
        {"write_channels", "part mask", shapes[0], shapes[1]});
    expect_invalid([&] { read_channels(whole.view(), 0, part.view(), wrong.view(), workspace); },
                   {"read_channels", "part_mask", shapes[0], shapes[1]});
    expect_invalid([&] { write_channels(part.view(), 0, whole.view(), wrong.view(), workspace); },
                   {"write_channels", "whole_mask", "N2 C40 H3 W5", shapes[1]});
    expect_invalid(
        [&] {
            read_channels({whole.view(), wrong.view()}, 0, part.view(), {}, workspace);
        },
        {"read_channels", "whole mask", "N2 C40 H3 W5", shapes[1]});
}

TEST_F(ConcatErrors, ArraysThatOverlapAreRefused) {
    // Though the whole's channels are elsewhere.
    const TensorView inside{whole.view().data, part.shape()};
    expect_both(inside, 16, whole.view(), {"part", "whole", "overlaps"});
    const MaskView mask_inside{whole_mask.view().data, part.shape()};
    expect_invalid(
        [&] {
            write_channels({part.view(), mask_inside}, 0, whole.view(), whole_mask.view(), workspace);
        },
        {"write_channels", "whole_mask", "part mask", "overlaps"});
    expect_invalid(
        [&] {
            read_channels({whole.view(), whole_mask.view()}, 0, part.view(), mask_inside, workspace);
        },
        {"read_channels", "part_mask", "whole mask", "overlaps"});
}

}  // namespace
}  // namespace sparsetrain::test
