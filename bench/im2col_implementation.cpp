#include <cblas.h>

#include <algorithm>

#include "implementation.h"
#include "sparsetrain/layout.h"

namespace sparsetrain::bench {

namespace {

std::size_t plain_size(const Shape& s) {
    return static_cast<std::size_t>(s.n) * static_cast<std::size_t>(s.c) * static_cast<std::size_t>(s.h) *
           static_cast<std::size_t>(s.w);
}

// Outputs [first, last) of a row whose tap `tap` lies inside the image's row of `in`.
struct Range {
    int first, last;
};
Range outputs_inside(int in, int out, int stride, int tap, int pad) {
    const int before = std::max(0, pad - tap), end = std::max(0, in + pad - tap);
    const int last = std::min(out, (end + stride - 1) / stride);
    return {std::min(last, (before + stride - 1) / stride), last};
}

class Im2col : public Implementation {
  public:
    explicit Im2col(Problem& problem)
        : problem_(problem),
          shape_(problem.shape),
          dst_shape_(problem.shape.dst()),
          taps_(shape_.src.c * shape_.filter_h * shape_.filter_w),
          pixels_(dst_shape_.h * dst_shape_.w),
          src_(plain_size(shape_.src)),
          weights_(static_cast<std::size_t>(shape_.k) * static_cast<std::size_t>(taps_)),
          dst_(plain_size(dst_shape_)),
          columns_(src_is_columns() ? 0
                                    : static_cast<std::size_t>(taps_) * static_cast<std::size_t>(pixels_)) {
        if (problem.pass != Pass::bwd_data) nchw16c_to_nchw(problem.src.view(), src_.data(), workspace_);
        if (problem.pass != Pass::fwd) nchw16c_to_nchw(problem.dst.view(), dst_.data(), workspace_);
        if (problem.pass != Pass::bwd_weights)
            for_each_weight([](float& plain, const float& ours) { plain = ours; });
    }

    void run() override {
        for (int n = 0; n < shape_.src.n; ++n) {
            float* src = src_.data() + static_cast<std::size_t>(n) * (src_.size() / images());
            float* dst = dst_.data() + static_cast<std::size_t>(n) * (dst_.size() / images());
            float* columns = src_is_columns() ? src : columns_.data();
            if (problem_.pass != Pass::bwd_data && !src_is_columns()) unfold(src);
            if (problem_.pass == Pass::fwd) {
                multiply(CblasNoTrans, CblasNoTrans, {shape_.k, pixels_, taps_}, weights_.data(), columns, 0,
                         dst);
            } else if (problem_.pass == Pass::bwd_data) {
                multiply(CblasTrans, CblasNoTrans, {taps_, pixels_, shape_.k}, weights_.data(), dst, 0,
                         columns);
                if (!src_is_columns()) fold(src);
            } else {
                multiply(CblasNoTrans, CblasTrans, {shape_.k, taps_, pixels_}, dst, columns,
                         n == 0 ? 0.0f : 1.0f, weights_.data());
            }
        }
    }

    void publish_result() override {
        if (problem_.pass == Pass::fwd) {
            nchw_to_nchw16c(dst_.data(), problem_.dst.view(), workspace_);
        } else if (problem_.pass == Pass::bwd_data) {
            nchw_to_nchw16c(src_.data(), problem_.src.view(), workspace_);
        } else {
            for_each_weight([](const float& plain, float& ours) { ours = plain; });
        }
    }

    std::string label() const override { return openblas_version() + " " + openblas_get_corename(); }

  private:
    struct MatrixSizes {
        int rows, columns, depth;
    };

    std::size_t images() const { return static_cast<std::size_t>(shape_.src.n); }

    // Of a 1x1 filter at stride 1, whose padding can only be 0, the matrix is the image itself.
    bool src_is_columns() const { return shape_.filter_h == 1 && shape_.filter_w == 1 && shape_.stride == 1; }

    // result = a * b + beta * result, all row-major; a is [rows][depth] and b [depth][columns] after
    // transposition.
    static void multiply(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, MatrixSizes sizes,
                         const float* a, const float* b, float beta, float* result) {
        cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, sizes.rows, sizes.columns, sizes.depth, 1, a,
                    transpose_a == CblasNoTrans ? sizes.depth : sizes.rows, b,
                    transpose_b == CblasNoTrans ? sizes.columns : sizes.depth, beta, result, sizes.columns);
    }

    // Calls visit(plain, ours) for every weight, which [K][C][R][S] and the library's layout hold.
    template <typename Visit>
    void for_each_weight(Visit visit) {
        float* plain = weights_.data();
        for (int k = 0; k < shape_.k; ++k)
            for (int c = 0; c < shape_.src.c; ++c)
                for (int r = 0; r < shape_.filter_h; ++r)
                    for (int s = 0; s < shape_.filter_w; ++s)
                        visit(*plain++, problem_.weights.at(k, c, r, s));
    }

    // Calls visit(row of columns_, row of the image, pixels between the image row's elements that the tap
    // reads first, range of outputs inside) for all rows of a channel; the image's row is null outside of it.
    template <typename Visit>
    void for_each_row(float* image, int c, Visit visit) {
        const Shape& in = shape_.src;
        float* channel = image + static_cast<std::size_t>(c) * static_cast<std::size_t>(in.h * in.w);
        float* row = columns_.data() + static_cast<std::size_t>(c) *
                                           static_cast<std::size_t>(shape_.filter_h * shape_.filter_w) *
                                           static_cast<std::size_t>(pixels_);
        for (int r = 0; r < shape_.filter_h; ++r)
            for (int s = 0; s < shape_.filter_w; ++s) {
                const Range inside =
                    outputs_inside(in.w, dst_shape_.w, shape_.stride, s, shape_.padding.left);
                for (int y = 0; y < dst_shape_.h; ++y, row += dst_shape_.w) {
                    const int image_y = y * shape_.stride + r - shape_.padding.top;
                    const bool outside = image_y < 0 || image_y >= in.h;
                    visit(row, outside ? nullptr : channel + image_y * in.w, s - shape_.padding.left, inside);
                }
            }
    }

    void unfold(float* image) {
        const int stride = shape_.stride, width = dst_shape_.w;
#pragma omp parallel for
        for (int c = 0; c < shape_.src.c; ++c)
            for_each_row(image, c, [=](float* row, const float* image_row, int shift, Range inside) {
                if (!image_row) return void(std::fill_n(row, width, 0.0f));
                std::fill_n(row, inside.first, 0.0f);
                for (int x = inside.first; x < inside.last; ++x) row[x] = image_row[x * stride + shift];
                std::fill_n(row + inside.last, width - inside.last, 0.0f);
            });
    }

    void fold(float* image) {
        const int stride = shape_.stride, plane = shape_.src.h * shape_.src.w;
#pragma omp parallel for
        for (int c = 0; c < shape_.src.c; ++c) {
            std::fill_n(image + static_cast<std::size_t>(c) * static_cast<std::size_t>(plane), plane, 0.0f);
            for_each_row(image, c, [=](const float* row, float* image_row, int shift, Range inside) {
                if (!image_row) return;
                for (int x = inside.first; x < inside.last; ++x) image_row[x * stride + shift] += row[x];
            });
        }
    }

    Problem& problem_;
    ConvShape shape_;
    Shape dst_shape_;
    int taps_, pixels_;  // C * R * S and OH * OW: the sizes of columns_
    AlignedArray<float> src_, weights_, dst_, columns_;
    Workspace workspace_;
};

}  // namespace

std::unique_ptr<Implementation> make_im2col(Problem& problem) {
    return std::make_unique<Im2col>(problem);
}

std::string openblas_version() {
    const std::string config = openblas_get_config();  // "OpenBLAS 0.3.21 NO_LAPACKE ..."
    return config.substr(0, config.find(' ', config.find(' ') + 1));
}

}  // namespace sparsetrain::bench
