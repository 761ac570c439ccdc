"""report(model): what of a model runs on SparseTrain, what does not and why, and what its convolutions do."""
import os
from dataclasses import dataclass, field

import torch
from torch import nn

from .. import info
from .._library import library
from .graph.tracing import is_converted
from .workspaces import uses_openmp

PASSES = {"conv_forward": "fwd", "conv_forward_relu": "fwd", "conv_backward_data": "bwd_data",
          "conv_backward_weights": "bwd_weights"}


@dataclass
class PassReport:
    """The last call of a pass. `zeros`: percentage of them in `operand`, which the kernel skips if it skips any."""
    kernel: str
    operand: str
    zeros: float
    milliseconds: float

    def __str__(self):
        return f"{self.kernel} {self.milliseconds:.2f} ms, {self.zeros:.0f} % zeros in {self.operand}"


@dataclass
class Report:
    """By names of modules. Convolutions have their passes by name, once they ran."""
    instruction_set: str
    microarchitecture: str
    threads: str
    islands: list = field(default_factory=list)  # lists of modules
    convolutions: dict = field(default_factory=dict)
    left_to_torch: dict = field(default_factory=dict)  # a convolution: why
    untraceable: dict = field(default_factory=dict)  # a module whose parts alone are converted: why

    def __str__(self):
        lines = [f"SparseTrain on {self.microarchitecture} ({self.instruction_set}), {self.threads}",
                 f"{len(self.convolutions)} convolutions in {len(self.islands)} islands; {len(self.left_to_torch)} are torch's"]
        lines += [f"  {name}: {passes_text(passes)}" for name, passes in self.convolutions.items()]
        lines += [f"  {name}: torch's: {reason}" for name, reason in self.left_to_torch.items()]
        lines += [f"  {name or 'the model'}: in parts: {reason}" for name, reason in self.untraceable.items()]
        return "\n".join(lines)


def passes_text(passes):
    return "; ".join(f"{name}: {found}" for name, found in passes.items()) or "not run yet"


def report(model):
    """A Report, which prints as text, of the programs that the model has for its present state."""
    found = Report(info()["instruction_set"], info()["microarchitecture"], _threads())
    for name, module in model.named_modules():
        if is_converted(module):
            _add_program(found, f"{name}." if name else "", module.forward.program())
    accounted = {*found.convolutions, *found.left_to_torch}
    found.left_to_torch.update({name: "its forward could not be traced" if type(module) is nn.Conv2d else type(module).__name__
                                for name, module in model.named_modules()
                                if isinstance(module, nn.modules.conv._ConvNd) and name not in accounted})
    return found


def _threads():
    pool = "torch's threads" if uses_openmp() else "threads of the library's own"
    asked = os.environ.get("OMP_NUM_THREADS")  # torchrun sets it to 1 where nobody did
    return f"{torch.get_num_threads()} of {pool}" + (f" (OMP_NUM_THREADS={asked})" if asked else "")


def _add_program(found, prefix, program):
    if isinstance(program, str):
        found.untraceable[prefix[:-1]] = program
        return
    named = {name: _full_name(prefix, name) for island in program.islands for name in island}
    found.islands += [[named[name] for name in island] for island in program.islands]
    found.convolutions.update({_full_name(prefix, site.name): _passes(site) for site in program.sites})
    found.left_to_torch.update({_full_name(prefix, name): reason for name, reason in program.left.items()})


def _full_name(prefix, name):
    return (prefix + name).strip(".")


def _passes(site):
    return {PASSES[name]: PassReport(library().kernel_name(call.run.kernel).decode(),
                                     library().operand_name(call.run.skipped).decode(), call.run.zeros, call.milliseconds)
            for name, call in list(site.passes.items())}
