// A reverse-mode tape of dense double tensors, for a slow and obvious reference of training steps. It knows
// nothing of the library.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace sparsetrain::test {

// Row-major: images are [N][C][H][W], weights [K][C][R][S] or [out][in], vectors [C], scalars [1].
struct DoubleTensor {
    std::vector<int> shape;
    std::vector<double> values;
};
DoubleTensor zeros_of(const std::vector<int>& shape);
std::string text(const std::vector<int>& shape);

// Throws std::invalid_argument with this text unless a condition holds.
void require(bool holds, const std::string& expected);

class DoubleTape;

// A tensor on a tape, which must outlive it.
class Variable {
  public:
    const DoubleTensor& value() const;
    const std::vector<int>& shape() const { return value().shape; }
    int size(std::size_t dimension) const { return shape().at(dimension); }
    const std::vector<double>& values() const { return value().values; }
    // Of what DoubleTape::backward was called on, with the shape of the value. Backward functions add to it.
    std::vector<double>& gradient() const;
    DoubleTape& tape() const { return *tape_; }

  private:
    friend class DoubleTape;
    Variable(DoubleTape* tape, std::size_t index) : tape_(tape), index_(index) {}
    DoubleTape* tape_;
    std::size_t index_;
};

class DoubleTape {
  public:
    // Adds to the gradients of an operation's operands, given that of its result.
    using Backward = std::function<void(const std::vector<double>& diff_dst)>;

    DoubleTape() = default;
    DoubleTape(const DoubleTape&) = delete;
    DoubleTape& operator=(const DoubleTape&) = delete;

    // What gradients are wanted of. It is not copied: parameters may be large.
    Variable leaf(const DoubleTensor& value);
    Variable leaf(DoubleTensor&& value) = delete;
    Variable record(DoubleTensor result, Backward backward);

    // Computes the gradients of sum(diff_dst * of), or of a scalar itself. Once per tape.
    void backward(Variable of, const std::vector<double>& diff_dst);
    void backward(Variable of) { backward(of, {1}); }

  private:
    friend class Variable;
    struct Node {
        const DoubleTensor* value = nullptr;
        DoubleTensor result;  // Of an operation; then value points here.
        std::vector<double> gradient;
        Backward backward;
    };
    std::deque<Node> nodes_;  // Growing, it does not move them.
};

}  // namespace sparsetrain::test
