"""How operators become torch.ops.sparsetrain.*: for the CPU, for fake tensors and for autograd.

`allocate(*arguments)` makes the outputs without looking at values, so it serves fake tensors, too; `compute(outputs,
*arguments)` fills them. What has no elements is zeros.
"""
import torch

LIBRARY = torch.library.Library("sparsetrain", "DEF")
NAMES = []


def define(schema, allocate, compute, save=None, backward=None):
    """`save(ctx, inputs, output)` and `backward(ctx, *gradients)` are as in torch.library.register_autograd."""
    name = schema.split("(")[0]
    NAMES.append(name)
    LIBRARY.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    LIBRARY.impl(name, _implementation(allocate, compute), "CPU")
    torch.library.register_fake(f"sparsetrain::{name}", allocate, lib=LIBRARY)
    if backward is None:
        save, backward = _save_nothing, _refuse(name)
    torch.library.register_autograd(f"sparsetrain::{name}", backward, setup_context=save, lib=LIBRARY)


def _implementation(allocate, compute):
    def implementation(*arguments):
        outputs = allocate(*arguments)
        if arguments[0].numel() == 0:
            for output in (outputs,) if isinstance(outputs, torch.Tensor) else outputs:
                output.zero_()
        else:
            compute(outputs, *arguments)
        return outputs
    return implementation


def _save_nothing(ctx, inputs, output):
    pass


def _refuse(name):
    def backward(ctx, *gradients):
        raise RuntimeError(f"sparsetrain::{name} has no derivative: double backward (create_graph=True) is not supported; "
                           "sparsetrain.torch.revert(model) gives torch's own operators back")
    return backward
