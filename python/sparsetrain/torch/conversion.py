"""convert(model) and revert(model)."""
import contextlib
import threading

import torch
from torch import nn

from .graph.programs import make_program
from .graph.tracing import Untraceable, is_converted
from .graph.watch import state_of

MOST_PROGRAMS = 4  # of a module: for training, for evaluation
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_making = threading.RLock()


class ConvertedForward:
    """The `forward` of a converted module: runs the program that fits its state, else torch's own forward."""
    is_sparsetrain = True

    def __init__(self, module, policy):
        self.__setstate__({"module": module, "policy": policy})

    def __getstate__(self):
        return {"module": self.module, "policy": self.policy}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.programs = []  # (state, Program or the reason why there is none), the latest last
        self.compiled_functions = dict.fromkeys([False, True], type(self.module).forward)  # torch.compile's, by `training`

    def __call__(self, *arguments, **named):
        if torch.compiler.is_compiling():
            if not self.programs:  # a copy, or from a file
                _prepare(self)
            return self.compiled_functions[self.module.training](self.module, *arguments, **named)
        program = self.program()
        given = None if isinstance(program, str) else program.arguments_of(arguments, named)
        if given is None:
            return type(self.module).forward(self.module, *arguments, **named)
        return program.function(self.module, *given)

    def prepare(self):
        """Makes the programs for training and for evaluation."""
        with _flags_kept(self.module):
            other = not self.module.training
            for part in self.module.modules():
                part.training = other
            self.program()
        return self.program()

    def program(self):
        """A Program, or why there is none."""
        state = state_of(self.module)
        found = self._made(state)
        if found is None:
            with _making:
                found = self._make()
        return found

    def _made(self, state):
        return next((program for known, program in reversed(self.programs) if known == state), None)

    def _make(self):
        try:
            program = make_program(self.module, self.policy)
            for leaf in program.leaves:
                _convert_inside(leaf, self.policy)
        except Untraceable as error:
            program = str(error)
            _convert_children(self.module, self.policy)
        del self.programs[:max(0, len(self.programs) - MOST_PROGRAMS + 1)]
        self.programs.append((state_of(self.module), program))
        if not isinstance(program, str):
            self.compiled_functions[self.module.training] = program.function
        return program


@torch._disable_dynamo
def _prepare(forward):
    forward.prepare()


def convert(model, example_input=None, policy="auto"):
    """Makes `model` run on SparseTrain's kernels, where it has some for it; returns the model.

    Its modules, parameters and buffers stay what they are. `example_input`, an argument or a tuple of them, is run through the
    model before and after, in evaluation, and a RuntimeError says if the results differ. `policy`: "auto", "dense" or
    "zero_skip".
    """
    if policy not in ("auto", "dense", "zero_skip"):
        raise ValueError(f"convert: expected the policy auto, dense or zero_skip, found '{policy}'")
    revert(model)
    if "forward" in model.__dict__:
        raise ValueError(f"convert: expected a model with the forward of its class, {type(model).__name__}, found another tool's")
    expected = None if example_input is None else _results(model, example_input)
    _attach(model, policy)
    model.forward.prepare()
    if expected is not None:
        _expect(model, example_input, expected)
    return model


def revert(model):
    """Gives a model torch's own forward back."""
    for module in model.modules():
        if is_converted(module):
            del module.forward
    return model


def _attach(module, policy):
    if not is_converted(module) and "forward" not in module.__dict__:
        module.forward = ConvertedForward(module, policy)


def _convert_inside(module, policy):
    """A part of a model that is called as it is, as with hooks, or because the whole cannot be traced."""
    has_convolutions = any(type(part) is nn.Conv2d for part in module.modules())
    is_torchs = type(module).__module__.startswith("torch.nn") and not isinstance(module, (*CONTAINERS, nn.Conv2d))
    if has_convolutions and not is_torchs:
        _attach(module, policy)
        if is_converted(module):
            module.forward.prepare()


def _convert_children(module, policy):
    for child in module.children():
        _convert_inside(child, policy)


def _results(model, example_input):
    arguments = example_input if isinstance(example_input, tuple) else (example_input,)
    with _flags_kept(model), torch.no_grad():
        return torch.utils._pytree.tree_leaves(model.eval()(*arguments))


@contextlib.contextmanager
def _flags_kept(model):
    flags = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, is_training in flags.items():
            module.training = is_training


def _expect(model, example_input, expected):
    for found, wanted in zip(_results(model, example_input), expected):
        if isinstance(wanted, torch.Tensor) and not _are_close(found, wanted):
            revert(model)
            raise RuntimeError("convert: the converted model's results are not those of the model, which is left as it was")


def _are_close(found, wanted):
    return torch.allclose(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()), equal_nan=True)
