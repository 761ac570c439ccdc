// Children of fork() use the library, whatever its parent did.
#include <sys/wait.h>
#include <unistd.h>

#include "c_support.h"
#include "sparsetrain/join.h"

namespace sparsetrain::test {
namespace {

constexpr Shape kShape{4, 64, 32, 32};

bool adds_right(const Tensor& a, const Tensor& b, const Tensor& expected, sparsetrain_workspace* workspace) {
    const sparsetrain_shape shape = to_c(kShape);
    Tensor sum(kShape);
    return sparsetrain_add_gradients(&shape, a.view().data, b.view().data, nullptr, sum.view().data,
                                     workspace) == SPARSETRAIN_OK &&
           same(expected, sum);
}

TEST(CForkTest, AChildHasThreadsAndErrorTextsOfItsOwn) {
    const Tensor a = filled(kShape, 1), b = filled(kShape, 2);
    Tensor expected(kShape);
    Workspace reference;
    add_gradients(a.view(), b.view(), {}, expected.view(), reference);
    const CWorkspace workspace = make_workspace(2);
    ASSERT_TRUE(adds_right(a, b, expected, workspace.get()));
    sparsetrain_workspace_set_threads(workspace.get(), 0);
    const std::string text = sparsetrain_error_text();

    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const bool works = adds_right(a, b, expected, workspace.get()) && text == sparsetrain_error_text() &&
                           sparsetrain_workspace_set_threads(workspace.get(), -5) != SPARSETRAIN_OK &&
                           std::string(sparsetrain_error_text()).find("-5") != std::string::npos;
        _exit(works ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(sparsetrain_error_text(), text);
    EXPECT_TRUE(adds_right(a, b, expected, workspace.get()));
}

}  // namespace
}  // namespace sparsetrain::test
