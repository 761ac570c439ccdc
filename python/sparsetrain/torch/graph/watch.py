"""What a program depends on in a model: when that has changed, there has to be another program."""
from .tracing import HOOKS

SIMPLE = (bool, int, float, str, type(None), tuple)


def state_of(model):
    """Modules and who is whose child, their flags and hooks, the kinds of their parameters. Equal states: the same program."""
    return [_state(module) for module in model.modules()]


def _state(module):
    attributes = module.__dict__
    return (module, type(module), tuple(attributes["_modules"].items()),
            tuple([bool(attributes.get(name)) for name in HOOKS]),
            [item for item in attributes.items() if isinstance(item[1], SIMPLE)],
            [(name, value is not None and (value.dtype, value.is_cpu, value.numel() == 1))
             for name, value in attributes["_parameters"].items()],
            "forward" in attributes)
