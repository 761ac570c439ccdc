// Places of blocks in an arena.
#include "train/arena_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "sparsetrain/tensor.h"

namespace sparsetrain::train {
namespace {

bool overlap(const Block& a, const Block& b) {
    return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

bool meet(const Block& a, const Block& b) {
    return a.first <= b.last && b.first <= a.last;
}

// Pairs of blocks that are in use at one time and share memory.
int collisions(const std::vector<Block>& blocks) {
    int count = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            count += meet(blocks[i], blocks[j]) && overlap(blocks[i], blocks[j]);
    return count;
}

TEST(ArenaPlan, BlocksOfDifferentTimesShareMemory) {
    std::vector<Block> blocks{{1000, 0, 1}, {1000, 2, 3}, {1000, 4, 5}};
    EXPECT_EQ(place_blocks(blocks), 1024U);
    for (const Block& block : blocks) EXPECT_EQ(block.offset, 0U);
}

TEST(ArenaPlan, BothEndsOfATimeCount) {
    std::vector<Block> blocks{{64, 0, 1}, {64, 1, 2}};
    EXPECT_EQ(place_blocks(blocks), 128U);
    EXPECT_EQ(peak_of(blocks), 128U);
}

// A small block takes the gap that a large one of another time leaves.
TEST(ArenaPlan, GapsAreFilled) {
    std::vector<Block> blocks{{640, 0, 9}, {256, 0, 4}, {128, 5, 9}, {64, 5, 9}, {64, 5, 9}};
    EXPECT_EQ(place_blocks(blocks), 640U + 256U);
    EXPECT_EQ(collisions(blocks), 0);
}

TEST(ArenaPlan, RandomBlocksNeverCollide) {
    std::mt19937 engine(1);
    for (int round = 0; round < 100; ++round) {
        std::vector<Block> blocks;
        for (int i = 0; i < 60; ++i) {
            const int first = static_cast<int>(engine() % 50);
            blocks.push_back({1 + engine() % 5000, first, first + static_cast<int>(engine() % 10)});
        }
        const std::size_t size = place_blocks(blocks);
        ASSERT_EQ(collisions(blocks), 0);
        for (const Block& block : blocks) {
            ASSERT_EQ(block.offset % kAlignment, 0U);
            ASSERT_LE(block.offset + block.bytes, size);
        }
        EXPECT_GE(size, peak_of(blocks));
        EXPECT_LE(size, 2 * peak_of(blocks));
    }
}

TEST(ArenaPlan, TheCheckNoticesACollision) {
    const std::vector<Block> blocks{{100, 0, 3, 0}, {100, 3, 4, 64}};
    EXPECT_EQ(collisions(blocks), 1);
}

}  // namespace
}  // namespace sparsetrain::train
