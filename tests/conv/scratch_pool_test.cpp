// The memory that pipelines allocate: blocks are apart from each other, the total follows the largest call,
// and a loop over layers asks the system for nothing.
#include "scratch_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <thread>
#include <vector>

namespace sparsetrain::detail {
namespace {

using Sizes = std::vector<std::size_t>;
using CallSizes = std::array<std::size_t, 4>;

// Without memory of its own, as a sanitizer keeps for a while what was freed.
std::size_t resident_bytes() {
    static const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    std::array<char, 64> text{};
    EXPECT_GT(pread(file, text.data(), text.size() - 1, 0), 0);
    const char* second = std::strchr(text.data(), ' ');
    return std::strtoul(second, nullptr, 10) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

long page_faults() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

// A byte of every page, and the last.
void touch(void* block, std::size_t bytes) {
    constexpr std::size_t kPage = 4096;
    auto* memory = static_cast<volatile char*>(block);
    for (std::size_t i = 0; i < bytes; i += kPage) memory[i] = 1;
    memory[bytes - 1] = 1;
}

// As a pipeline does that holds some blocks of these sizes; returns the resident bytes of that moment.
std::size_t run_call(ScratchPool& pool, std::span<const std::size_t> sizes) {
    std::array<void*, 4> blocks{};
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        blocks.at(i) = pool.allocate(sizes[i]);
        touch(blocks.at(i), sizes[i]);
    }
    const std::size_t resident = resident_bytes();
    for (std::size_t i = 0; i < sizes.size(); ++i) pool.release(blocks.at(i));
    return resident;
}

class ScratchMemory : public ::testing::Test {
  protected:
    static constexpr int kCalls = 10000;
    static constexpr std::size_t kMiB = std::size_t{1} << 20, kLargest = 12 * kMiB;
    static constexpr std::size_t kNoise = kMiB;  // of what else the process has

    // A call's blocks: a large one, a smaller one, and two that tasks have.
    static CallSizes blocks_of(std::size_t total) {
        return {total / 2 + 1, total / 4 + 1, total / 8 + 1, total / 8 + 1};
    }

    // `totals` of calls on one pool, whose largest is kLargest.
    static void expect_memory_of_the_largest(const Sizes& totals) {
        const std::size_t before = resident_bytes();
        std::size_t alone = 0, most = 0;
        {
            ScratchPool pool;
            alone = run_call(pool, blocks_of(kLargest)) - before;
        }
        ASSERT_GE(alone, kLargest * 9 / 10);
        ScratchPool pool;
        for (const std::size_t total : totals)
            most = std::max(most, run_call(pool, blocks_of(total)) - before);
        EXPECT_GE(most, kLargest * 9 / 10);
        EXPECT_LE(most, alone * 3 / 2 + kNoise);
    }

    static Sizes rising() {
        Sizes totals;
        for (int i = 1; i <= kCalls; ++i) totals.push_back(kLargest / kCalls * static_cast<std::size_t>(i));
        totals.back() = kLargest;
        return totals;
    }
};

TEST_F(ScratchMemory, FollowsTheLargestOfRisingSizes) {
    expect_memory_of_the_largest(rising());
}

TEST_F(ScratchMemory, FollowsTheLargestOfFallingSizes) {
    Sizes totals = rising();
    std::ranges::reverse(totals);
    expect_memory_of_the_largest(totals);
}

TEST_F(ScratchMemory, FollowsTheLargestOfRandomSizes) {
    Sizes totals = rising();
    std::mt19937 random(1);
    std::ranges::shuffle(totals, random);
    expect_memory_of_the_largest(totals);
}

// Layers by turns, the blocks of one larger where those of the other are smaller.
TEST_F(ScratchMemory, StaysMappedInALoopOverLayers) {
    const Sizes layers[] = {
        {8 * kMiB, kMiB}, {kMiB, 2 * kMiB, 5 * kMiB}, {3 * kMiB, 3 * kMiB, 3 * kMiB}, {4096}};
    ScratchPool pool;
    const auto step = [&] {
        for (const Sizes& layer : layers) run_call(pool, layer);
    };
    for (int i = 0; i < 3; ++i) step();
    const long before = page_faults();
    for (int i = 0; i < 100; ++i) step();
    EXPECT_LT(page_faults() - before, 100);  // one step touches 7000 pages
}

TEST(ScratchBlocks, AreAlignedAndApart) {
    ScratchPool pool;
    const auto worker = [&pool](unsigned seed) {
        std::mt19937 random(seed);
        struct Block {
            unsigned char* memory;
            std::size_t bytes;
        };
        std::vector<Block> blocks;
        for (int i = 0; i < 3000; ++i) {
            if (blocks.size() < 6 && random() % 2 == 0) {
                const std::size_t bytes = 1 + random() % 20000;
                auto* memory = static_cast<unsigned char*>(pool.allocate(bytes));
                ASSERT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 128, 0u);
                std::memset(memory, static_cast<int>(seed), bytes);
                blocks.push_back({memory, bytes});
            } else if (!blocks.empty()) {
                std::swap(blocks[random() % blocks.size()], blocks.back());
                const Block block = blocks.back();
                ASSERT_TRUE(std::all_of(block.memory, block.memory + block.bytes,
                                        [seed](unsigned char byte) { return byte == seed; }));
                pool.release(block.memory);
                blocks.pop_back();
            }
        }
        for (const Block& block : blocks) pool.release(block.memory);
    };
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(worker, seed);
    for (std::thread& thread : threads) thread.join();
}

TEST(ScratchBlocks, AreNullWhenMemoryIsOut) {
    ScratchPool pool;
    void* small = pool.allocate(100);
    EXPECT_EQ(pool.allocate(std::size_t{1} << 60), nullptr);
    EXPECT_NE(small, nullptr);
    pool.release(small);
    EXPECT_NE(pool.allocate(100), nullptr);
}

}  // namespace
}  // namespace sparsetrain::detail
