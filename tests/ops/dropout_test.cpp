#include "sparsetrain/dropout.h"

#include <bit>
#include <cmath>

#include "sparsetrain/relu.h"
#include "support.h"

namespace sparsetrain::test {
namespace {

class DropoutTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, DropoutTest, testing::Values(1, 2));

TEST_P(DropoutTest, KeptElementsAreScaledAndOthersZero) {
    for (const Shape& shape : tail_shapes())
        for (const float rate : {0.0F, 0.25F, 0.5F, 0.9F}) {
            SCOPED_TRACE(text(shape));
            const Tensor src = small_integers(shape, 1), diff_dst = small_integers(shape, 2);
            Tensor dst = stale(shape), diff_src = stale(shape);
            Mask kept = stale_mask(shape);
            dropout_forward({src.view(), {}}, rate, 7, dst.view(), kept.view(), workspace);
            dropout_backward(diff_dst.view(), rate, kept.view(), diff_src.view(), workspace);
            for (std::size_t i = 0; i < shape.elements(); ++i) {
                const bool is_kept = (kept.words()[i / kLanes] >> (i % kLanes) & 1) != 0;
                ASSERT_EQ(dst.values()[i], is_kept ? src.values()[i] * (1 / (1 - rate)) : 0.0F);
                ASSERT_EQ(diff_src.values()[i], is_kept ? diff_dst.values()[i] * (1 / (1 - rate)) : 0.0F);
            }
            if (rate == 0) {
                for_each(shape,
                         [&](int n, int c, int y, int x) { ASSERT_TRUE(bit(kept.view(), n, c, y, x)); });
            }
            for_each_padding(shape,
                             [&](int n, int c, int y, int x) { ASSERT_FALSE(bit(kept.view(), n, c, y, x)); });
        }
}

std::vector<std::uint16_t> kept_words(const Shape& shape, float rate, std::uint64_t seed, int threads) {
    Workspace workspace(threads);
    const Tensor src(shape);
    Tensor dst(shape);
    Mask kept(shape);
    dropout_forward({src.view(), {}}, rate, seed, dst.view(), kept.view(), workspace);
    return {kept.words().begin(), kept.words().begin() + static_cast<std::ptrdiff_t>(shape.pixels())};
}

std::size_t set_bits(const std::vector<std::uint16_t>& words) {
    std::size_t count = 0;
    for (const std::uint16_t word : words) count += static_cast<std::size_t>(std::popcount(word));
    return count;
}

// Six standard deviations of the binomial distribution: of the whole, of each lane, and of the words in which
// neighbours agree.
TEST_P(DropoutTest, AboutTheRateIsDroppedEverywhere) {
    const Shape shape{4, 64, 32, 32};
    for (const float rate : {0.1F, 0.5F, 0.8F})
        for (const std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32}) {
            const auto words = kept_words(shape, rate, seed, GetParam());
            const auto expect_share = [&](std::size_t found, std::size_t of, double share) {
                const double n = static_cast<double>(of);
                EXPECT_NEAR(static_cast<double>(found), n * share, 6 * std::sqrt(n * share * (1 - share)));
            };
            expect_share(set_bits(words), words.size() * kLanes, 1 - rate);
            for (int lane = 0; lane < kLanes; ++lane) {
                std::size_t found = 0;
                for (const std::uint16_t word : words) found += static_cast<std::size_t>(word >> lane & 1);
                expect_share(found, words.size(), 1 - rate);
            }
            std::size_t both = 0;
            for (const std::uint16_t word : words)
                both +=
                    static_cast<std::size_t>(std::popcount(static_cast<unsigned>(word & word >> 1 & 0x5555)));
            expect_share(both, words.size() * 8, (1 - rate) * (1 - rate));
        }
}

TEST_P(DropoutTest, TheSeedAloneDecides) {
    const Shape shape{3, 48, 20, 20};
    const auto words = kept_words(shape, 0.5F, 11, GetParam());
    EXPECT_EQ(words, kept_words(shape, 0.5F, 11, 3));
    for (const std::uint64_t other : {10ULL, 12ULL, 11ULL + (1ULL << 32), 11ULL + (1ULL << 63)}) {
        const auto others = kept_words(shape, 0.5F, other, 1);
        std::size_t same = 0;
        for (std::size_t i = 0; i < words.size(); ++i)
            same +=
                static_cast<std::size_t>(std::popcount(static_cast<std::uint16_t>(~(words[i] ^ others[i]))));
        const double n = static_cast<double>(words.size()) * kLanes;
        EXPECT_NEAR(static_cast<double>(same), n / 2, 6 * std::sqrt(n) / 2) << other;
    }
}

// Behind a ReLU its mask narrows what is kept, and the backward is that of both.
TEST_P(DropoutTest, KeepsToTheMaskOfAReLU) {
    const Shape shape{2, 20, 9, 7};
    const Tensor src = small_integers(shape, 3);
    Tensor relu(shape), dst(shape), without(shape);
    Mask relu_mask(shape), kept(shape), kept_without(shape);
    relu_forward(src.view(), relu.view(), relu_mask.view(), workspace);
    dropout_forward({relu.view(), relu_mask.view()}, 0.5F, 5, dst.view(), kept.view(), workspace);
    dropout_forward({relu.view(), {}}, 0.5F, 5, without.view(), kept_without.view(), workspace);
    for (std::size_t i = 0; i < shape.elements(); ++i) ASSERT_EQ(dst.values()[i], without.values()[i]);
    for (std::size_t i = 0; i < shape.pixels(); ++i)
        ASSERT_EQ(kept.words()[i], kept_without.words()[i] & relu_mask.words()[i]);
}

TEST_P(DropoutTest, WorksInPlace) {
    const Shape shape{2, 33, 9, 7};
    const Tensor src = small_integers(shape, 4);
    Tensor dst(shape), in_place = small_integers(shape, 4);
    Mask kept(shape), kept_in_place(shape);
    dropout_forward({src.view(), {}}, 0.5F, 5, dst.view(), kept.view(), workspace);
    dropout_forward({in_place.view(), {}}, 0.5F, 5, in_place.view(), kept_in_place.view(), workspace);
    for (std::size_t i = 0; i < shape.elements(); ++i) ASSERT_EQ(in_place.values()[i], dst.values()[i]);
    for (std::size_t i = 0; i < shape.pixels(); ++i) ASSERT_EQ(kept.words()[i], kept_in_place.words()[i]);
    Tensor diff_src(shape);
    dropout_backward(src.view(), 0.5F, kept.view(), diff_src.view(), workspace);
    Tensor gradient = small_integers(shape, 4);
    dropout_backward(gradient.view(), 0.5F, kept.view(), gradient.view(), workspace);
    for (std::size_t i = 0; i < shape.elements(); ++i) ASSERT_EQ(gradient.values()[i], diff_src.values()[i]);
}

TEST(DropoutErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    const Shape shape{1, 16, 2, 2};
    Tensor src(shape), dst(shape), wrong({1, 16, 2, 3});
    Mask kept(shape);
    for (const float rate : {1.0F, -0.1F, std::nanf("")})
        expect_invalid(
            [&] {
                dropout_forward({src.view(), {}}, rate, 1, dst.view(), kept.view(), workspace);
            },
            {"dropout_forward", "rate", "from 0 to below 1", detail::to_text(rate)});
    expect_invalid(
        [&] {
            dropout_forward({src.view(), {}}, 0.5F, 1, wrong.view(), kept.view(), workspace);
        },
        {"dst", "N1 C16 H2 W2", "N1 C16 H2 W3"});
    expect_invalid([&] { dropout_backward(src.view(), 0.5F, {}, dst.view(), workspace); },
                   {"dropout_backward", "kept"});
}

}  // namespace
}  // namespace sparsetrain::test
