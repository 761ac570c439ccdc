#include <cmath>
#include <dnnl.hpp>
#include <unordered_map>

#include "implementation.h"

namespace sparsetrain::bench {

namespace {

using Memory = dnnl::memory;
using Tag = Memory::format_tag;

Memory::dims dims_of(const Shape& s) {
    return {s.n, s.c, s.h, s.w};
}
Memory::dims dims_of(const WeightsShape& s) {
    return {s.k, s.c, s.r, s.s};
}

// Where a tensor lies: in the Problem, and in the format that oneDNN chose.
struct Operand {
    Memory ours, theirs;
};

// A convolution, for which oneDNN is asked to describe a primitive.
struct Request {
    dnnl::algorithm algorithm;
    Memory::desc src, weights, dst;
    Memory::dims strides, before, after;

    Request(const ConvShape& shape, dnnl::algorithm wanted)
        : algorithm(wanted),
          src(dims_of(shape.src), Memory::data_type::f32, Tag::any),
          weights(dims_of(shape.weights()), Memory::data_type::f32, Tag::any),
          dst(dims_of(shape.dst()), Memory::data_type::f32, Tag::any),
          strides{shape.stride, shape.stride},
          before{shape.padding.top, shape.padding.left},
          after{shape.padding.bottom, shape.padding.right} {}

    dnnl::convolution_forward::primitive_desc forward(const dnnl::engine& engine) const {
        return {{dnnl::prop_kind::forward_training, algorithm, src, weights, dst, strides, before, after},
                engine};
    }
    // The backward passes ask for the forward one as a hint.
    dnnl::convolution_backward_data::primitive_desc backward_data(const dnnl::engine& engine) const {
        return {{algorithm, src, weights, dst, strides, before, after}, engine, forward(engine)};
    }
    dnnl::convolution_backward_weights::primitive_desc backward_weights(const dnnl::engine& engine) const {
        return {{algorithm, src, weights, dst, strides, before, after}, engine, forward(engine)};
    }
};

class OneDnn : public Implementation {
  public:
    OneDnn(Problem& problem, dnnl::algorithm algorithm) : pass_(problem.pass) {
        create(Request(problem.shape, algorithm));
        src_.ours = Memory({dims_of(problem.src.shape()), Memory::data_type::f32, Tag::nChw16c}, engine_,
                           problem.src.values().data());
        weights_.ours = Memory({dims_of(problem.weights.shape()), Memory::data_type::f32, Tag::OIhw16i16o},
                               engine_, problem.weights.values().data());
        dst_.ours = Memory({dims_of(problem.dst.shape()), Memory::data_type::f32, Tag::nChw16c}, engine_,
                           problem.dst.values().data());
        for (Operand* operand : {&src_, &weights_, &dst_})
            if (operand != &result()) reorder(operand->ours, operand->theirs);
    }

    void run() override {
        convolution_.execute(stream_, arguments_);
        stream_.wait();
    }

    void publish_result() override { reorder(result().theirs, result().ours); }

    std::string label() const override { return label_; }

  private:
    void create(const Request& request) {
        if (pass_ == Pass::fwd) {
            const auto forward = request.forward(engine_);
            adopt<dnnl::convolution_forward>(forward, forward.src_desc(), forward.weights_desc(),
                                             forward.dst_desc());
            arguments_ = {{DNNL_ARG_SRC, src_.theirs},
                          {DNNL_ARG_WEIGHTS, weights_.theirs},
                          {DNNL_ARG_DST, dst_.theirs}};
        } else if (pass_ == Pass::bwd_data) {
            const auto backward = request.backward_data(engine_);
            adopt<dnnl::convolution_backward_data>(backward, backward.diff_src_desc(),
                                                   backward.weights_desc(), backward.diff_dst_desc());
            arguments_ = {{DNNL_ARG_DIFF_SRC, src_.theirs},
                          {DNNL_ARG_WEIGHTS, weights_.theirs},
                          {DNNL_ARG_DIFF_DST, dst_.theirs}};
        } else {
            const auto backward = request.backward_weights(engine_);
            adopt<dnnl::convolution_backward_weights>(backward, backward.src_desc(),
                                                      backward.diff_weights_desc(), backward.diff_dst_desc());
            arguments_ = {{DNNL_ARG_SRC, src_.theirs},
                          {DNNL_ARG_DIFF_WEIGHTS, weights_.theirs},
                          {DNNL_ARG_DIFF_DST, dst_.theirs}};
        }
    }

    template <typename Convolution, typename Description>
    void adopt(const Description& description, const Memory::desc& src, const Memory::desc& weights,
               const Memory::desc& dst) {
        convolution_ = Convolution(description);
        label_ = onednn_version() + " " + description.impl_info_str();
        src_.theirs = Memory(src, engine_);
        weights_.theirs = Memory(weights, engine_);
        dst_.theirs = Memory(dst, engine_);
    }

    void reorder(Memory& from, Memory& to) {
        dnnl::reorder(from, to).execute(stream_, from, to);
        stream_.wait();
    }

    Operand& result() {
        if (pass_ == Pass::bwd_weights) return weights_;
        return pass_ == Pass::fwd ? dst_ : src_;
    }

    Pass pass_;
    dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream_{engine_};
    dnnl::primitive convolution_;
    std::unordered_map<int, Memory> arguments_;
    Operand src_, weights_, dst_;
    std::string label_;
};

// Winograd computes F(4x4, 3x3) by matrices that hold fractions: even sums of integers get rounded. In the
// worst case a rounding error of its operands grows 48 x 48 times (the rows of |A| |G| |B|, in two
// directions) where the direct sum's 9 taps make 9, so 256 times as much. Many rounding errors of either sign
// grow as the root of their number. What oneDNN 2.6.3 shows is a sixth of this or less, and up to 4 million
// products it is less than the half that tells one integer from the next.
class OneDnnWinograd : public OneDnn {
  public:
    explicit OneDnnWinograd(Problem& problem)
        : OneDnn(problem, dnnl::algorithm::convolution_winograd), products_(problem.products_per_sum()) {}

    double tolerance() const override {
        constexpr double kGrowth = 48.0 * 48.0 / 9.0, kUnitRoundoff = 0x1p-24;
        return kGrowth * kUnitRoundoff * kLargestValue * kLargestValue * std::sqrt(products_);
    }

  private:
    double products_;
};

}  // namespace

std::unique_ptr<Implementation> make_onednn(Problem& problem) {
    return std::make_unique<OneDnn>(problem, dnnl::algorithm::convolution_direct);
}

std::string onednn_version() {
    const dnnl::version_t& version = *dnnl::version();
    return std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
           std::to_string(version.patch);
}

std::unique_ptr<Implementation> make_onednn_winograd(Problem& problem) {
    return std::make_unique<OneDnnWinograd>(problem);
}

bool onednn_has_winograd(const ConvShape& shape, Pass pass) {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const Request request(shape, dnnl::algorithm::convolution_winograd);
    try {
        if (pass == Pass::fwd) return static_cast<bool>(request.forward(engine));
        if (pass == Pass::bwd_data) return static_cast<bool>(request.backward_data(engine));
        return static_cast<bool>(request.backward_weights(engine));
    } catch (const dnnl::error& error) {
        return error.status != dnnl_unimplemented;  // anything else is a failure, which make() will report
    }
}

}  // namespace sparsetrain::bench
