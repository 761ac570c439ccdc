"""The graph of a model's forward, or why there is none."""
import contextlib
import inspect
import random
import threading
from unittest import mock

import torch
import torch.utils.checkpoint
from torch import fx

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_tracing = threading.RLock()  # while it traces, torch.fx changes torch.nn.Module itself


class Untraceable(Exception):
    """Says what in a model cannot be traced."""


def has_hooks(module):
    return any(module.__dict__.get(name) for name in HOOKS)


class Tracer(fx.Tracer):
    """Arguments with defaults have these. Modules with hooks are leaves, so that their hooks run."""
    proxy_buffer_attributes = True

    def is_leaf_module(self, module, name):
        return has_hooks(module) or super().is_leaf_module(module, name)

    def call_module(self, module, forward, args, kwargs):
        def own_forward(*args, **kwargs):
            return type(module).forward(module, *args, **kwargs)
        return super().call_module(module, own_forward if is_converted(module) else forward, args, kwargs)

    def create_args_for_root(self, function, is_module, concrete_args=None):
        return function, [self.root, *(self.create_proxy("placeholder", name, (), {}) for name in required(function))]


def required(forward):
    """The names of a forward's arguments that have no default."""
    names = []
    for parameter in list(inspect.signature(forward).parameters.values())[1:]:
        if parameter.kind == parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            raise Untraceable(f"its argument {parameter.name} can only be given by name")
        if parameter.default is parameter.empty and parameter.kind == parameter.POSITIONAL_OR_KEYWORD:
            names.append(parameter.name)
    return names


def is_converted(module):
    return getattr(module.__dict__.get("forward"), "is_sparsetrain", False)


def trace(model):
    """Leaves the model as it was. Throws Untraceable."""
    with _tracing, _same_model(model), _same_random_state(), _no_checkpoints():
        try:
            return Tracer().trace(model)
        except Untraceable:
            raise
        except Exception as error:  # whatever a forward does that a proxy cannot
            text = str(error).strip().split("\n")[0]
            raise Untraceable(f"torch.fx cannot trace it: {type(error).__name__}: {text}") from error


@contextlib.contextmanager
def _same_model(model):
    """A forward that changes its modules, as to count calls, would change them once, and by proxies."""
    before = {module: dict(module.__dict__) for module in model.modules()}
    yield
    for module, attributes in before.items():
        changed = [name for name in {*attributes, *module.__dict__}
                   if attributes.get(name, model) is not module.__dict__.get(name, model)]
        if changed:
            module.__dict__.clear()
            module.__dict__.update(attributes)
            raise Untraceable(f"its forward sets the attribute {changed[0]}")


@contextlib.contextmanager
def _same_random_state():
    """A choice by chance would become a constant."""
    before, of_torch = random.getstate(), torch.get_rng_state()
    yield
    if random.getstate() != before or not torch.equal(torch.get_rng_state(), of_torch):
        random.setstate(before)
        torch.set_rng_state(of_torch)
        raise Untraceable("its forward draws random numbers")


@contextlib.contextmanager
def _no_checkpoints():
    """A traced checkpoint would save everything."""
    def refuse(*arguments, **options):
        raise Untraceable("its forward has gradient checkpoints")
    module = torch.utils.checkpoint
    generators = [name for name in vars(module) if name.startswith("_checkpoint_without_reentrant_generator")]
    with contextlib.ExitStack() as stack:
        for owner, name in [(module.CheckpointFunction, "apply"), *((module, name) for name in generators)]:
            stack.enter_context(mock.patch.object(owner, name, refuse))
        yield
