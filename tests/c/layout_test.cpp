// Layouts and sizes by the C interface, beside the same calls of the C++ API.
#include "sparsetrain/layout.h"

#include "c_support.h"

namespace sparsetrain::test {
namespace {

using LayoutTest = CTest;

TEST_F(LayoutTest, Tensors) {
    using FromPlain = void(const float*, TensorView, Workspace&);
    using ToPlain = void(ConstTensorView, float*, Workspace&);
    struct Layout {
        FromPlain* from_plain;
        ToPlain* to_plain;
        decltype(&sparsetrain_nchw_to_nchw16c) c_from_plain, c_to_plain;
    };
    for (const Layout& layout :
         {Layout{nchw_to_nchw16c, nchw16c_to_nchw, sparsetrain_nchw_to_nchw16c, sparsetrain_nchw16c_to_nchw},
          Layout{nhwc_to_nchw16c, nchw16c_to_nhwc, sparsetrain_nhwc_to_nchw16c,
                 sparsetrain_nchw16c_to_nhwc}}) {
        const auto count = static_cast<std::size_t>(shape.n * shape.c * shape.h * shape.w);
        const AlignedArray<float> plain = filled(count, 1);
        Tensor blocked(shape), c_blocked(shape);
        AlignedArray<float> back(count), c_back(count);
        layout.from_plain(plain.data(), blocked.view(), workspace);
        ASSERT_DONE(layout.c_from_plain(&c_shape, plain.data(), c_blocked.view().data, c_workspace));
        EXPECT_TRUE(same(blocked, c_blocked));
        layout.to_plain(blocked.view(), back.data(), workspace);
        ASSERT_DONE(layout.c_to_plain(&c_shape, c_blocked.view().data, c_back.data(), c_workspace));
        EXPECT_TRUE(same(back, c_back));
        EXPECT_TRUE(same(plain, c_back));
    }
}

TEST_F(LayoutTest, Weights) {
    const WeightsShape filters{21, 18, 3, 2};
    const sparsetrain_weights_shape c_filters = to_c(filters);
    const auto count = static_cast<std::size_t>(filters.k * filters.c * filters.r * filters.s);
    const AlignedArray<float> plain = filled(count, 1);
    Weights weights(filters), c_weights(filters);
    AlignedArray<float> c_back(count);
    oihw_to_weights(plain.data(), weights.view(), workspace);
    ASSERT_DONE(sparsetrain_oihw_to_weights(&c_filters, plain.data(), c_weights.view().data, c_workspace));
    EXPECT_TRUE(same(weights, c_weights));
    ASSERT_DONE(sparsetrain_weights_to_oihw(&c_filters, c_weights.view().data, c_back.data(), c_workspace));
    EXPECT_TRUE(same(plain, c_back));
}

TEST_F(LayoutTest, BytesOfMemory) {
    EXPECT_EQ(sparsetrain_tensor_bytes(&c_shape), shape.elements() * sizeof(float));
    EXPECT_EQ(sparsetrain_mask_bytes(&c_shape), 64 + shape.pixels() * sizeof(std::uint16_t));
    const sparsetrain_weights_shape filters{21, 18, 3, 2};
    EXPECT_EQ(sparsetrain_weights_bytes(&filters), 4U * 32 * 32 * 3 * 2);

    const sparsetrain_shape none{1, 0, 1, 1}, huge{1 << 12, 1 << 12, 1 << 12, 1};
    EXPECT_EQ(sparsetrain_tensor_bytes(&none), 0U);
    expect_failure(SPARSETRAIN_OK, SPARSETRAIN_OK, "sparsetrain_tensor_bytes", "shape", "C0");
    EXPECT_EQ(sparsetrain_mask_bytes(&huge), 0U);
    expect_failure(SPARSETRAIN_OK, SPARSETRAIN_OK, "sparsetrain_mask_bytes", "2^31");
    EXPECT_EQ(sparsetrain_weights_bytes(nullptr), 0U);
    expect_failure(SPARSETRAIN_OK, SPARSETRAIN_OK, "sparsetrain_weights_bytes", "null");
}

TEST_F(LayoutTest, MemoryIsAlignedAndZero) {
    void* memory = nullptr;
    constexpr std::size_t kBytes = 4099;
    ASSERT_DONE(sparsetrain_allocate(kBytes, &memory));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % kAlignment, 0U);
    const auto* bytes = static_cast<const unsigned char*>(memory);
    EXPECT_TRUE(std::all_of(bytes, bytes + kBytes, [](unsigned char byte) { return byte == 0; }));
    sparsetrain_free(memory);
    sparsetrain_free(nullptr);
    expect_failure(SPARSETRAIN_INVALID_ARGUMENT, sparsetrain_allocate(kBytes, nullptr), "memory", "null");
#ifndef __SANITIZE_ADDRESS__  // whose operator new ends the process
    expect_failure(SPARSETRAIN_OUT_OF_MEMORY, sparsetrain_allocate(std::size_t{1} << 62, &memory),
                   "sparsetrain_allocate: out of memory");
#endif
    expect_failure(SPARSETRAIN_INVALID_ARGUMENT, sparsetrain_allocate(SIZE_MAX, &memory), "count");
}

}  // namespace
}  // namespace sparsetrain::test
