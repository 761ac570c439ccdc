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

class OneDnn : public Implementation {
  public:
    explicit OneDnn(Problem& problem) : pass_(problem.pass) {
        create(problem.shape);
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
    void create(const ConvShape& shape) {
        const auto any = [](const auto& s) {
            return Memory::desc(dims_of(s), Memory::data_type::f32, Tag::any);
        };
        const Memory::desc src = any(shape.src), weights = any(shape.weights()), dst = any(shape.dst());
        const auto direct = dnnl::algorithm::convolution_direct;
        const Memory::dims strides = {shape.stride, shape.stride};
        const Memory::dims before = {shape.padding.top, shape.padding.left};
        const Memory::dims after = {shape.padding.bottom, shape.padding.right};
        // The backward passes ask for the forward one as a hint.
        const dnnl::convolution_forward::primitive_desc forward(
            {dnnl::prop_kind::forward_training, direct, src, weights, dst, strides, before, after}, engine_);
        if (pass_ == Pass::fwd) {
            adopt<dnnl::convolution_forward>(forward, forward.src_desc(), forward.weights_desc(),
                                             forward.dst_desc());
            arguments_ = {{DNNL_ARG_SRC, src_.theirs},
                          {DNNL_ARG_WEIGHTS, weights_.theirs},
                          {DNNL_ARG_DST, dst_.theirs}};
        } else if (pass_ == Pass::bwd_data) {
            const dnnl::convolution_backward_data::primitive_desc backward(
                {direct, src, weights, dst, strides, before, after}, engine_, forward);
            adopt<dnnl::convolution_backward_data>(backward, backward.diff_src_desc(),
                                                   backward.weights_desc(), backward.diff_dst_desc());
            arguments_ = {{DNNL_ARG_DIFF_SRC, src_.theirs},
                          {DNNL_ARG_WEIGHTS, weights_.theirs},
                          {DNNL_ARG_DIFF_DST, dst_.theirs}};
        } else {
            const dnnl::convolution_backward_weights::primitive_desc backward(
                {direct, src, weights, dst, strides, before, after}, engine_, forward);
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
        const dnnl::version_t& version = *dnnl::version();
        label_ = std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                 std::to_string(version.patch) + " " + description.impl_info_str();
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

}  // namespace

std::unique_ptr<Implementation> make_onednn(Problem& problem) {
    return std::make_unique<OneDnn>(problem);
}

}  // namespace sparsetrain::bench
