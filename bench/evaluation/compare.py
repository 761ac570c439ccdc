"""Two evaluations of one machine, as before and after a change: has anything of ours become slower?"""
import statistics

from .measurements import geometric_mean
from .program import Failure

OURS = (("fwd", "auto"), ("bwd_data", "auto"), ("bwd_data", "auto_masked"), ("bwd_weights", "auto"))
ALIKE = ("cpu", "threads", "time", "batch", "uarch")


def check_alike(old, new):
    for key in ALIKE:
        if old.machine.get(key) != new.machine.get(key):
            raise Failure(f"{new.path}: expected {key} {old.machine.get(key)} as in {old.path}, "
                          f"found {new.machine.get(key)}")


def ratio_of(old, new, layer, conv_pass, implementation):
    """new's speed over old's, the median over the percents that both have, each relative to its own file's oneDNN direct;
    None where one of them lacks it."""
    if not all(implementation in own.implementations(layer, conv_pass) for own in (old, new)):
        return None
    before, after = (own.speeds(layer, conv_pass, implementation) for own in (old, new))
    ratios = [after[percent] / before[percent] for percent in before if percent in after]
    return statistics.median(ratios) if ratios else None


def compare(old, new):
    """{layer: {(pass, implementation): ratio or None}} of the layers that both have."""
    check_alike(old, new)
    layers = [layer for layer in old.layers if layer in new.layers]
    ratios = {layer: {column: ratio_of(old, new, layer, *column) for column in OURS} for layer in layers}
    if not any(ratio for found in ratios.values() for ratio in found.values()):
        raise Failure(f"{new.path}: expected layers and percents of {old.path}, found none")
    return ratios


def missing_cells(old, ratios):
    """(layer, (pass, implementation)) of what old has, but could not be compared."""
    return [(layer, (conv_pass, name)) for layer in old.layers for conv_pass, name in OURS
            if name in old.implementations(layer, conv_pass) and ratios.get(layer, {}).get((conv_pass, name)) is None]


def text_of(ratio):
    return "-" if ratio is None else f"{ratio:.3f}"


def print_comparison(old, new, noise):
    """Whether nothing that old has is missing, or fell by more than the share `noise`."""
    ratios = compare(old, new)
    print(f"Speed of {new.path} relative to {old.path}, each over its own oneDNN direct, median over percents of zeros:\n")
    print(f"{'layer':20}" + "".join(f"{conv_pass + ' ' + name:>24}" for conv_pass, name in OURS))
    for layer, found in ratios.items():
        print(f"{layer:20}" + "".join(f"{text_of(ratio):>24}" for ratio in found.values()))
    means = [geometric_mean([found[column] for found in ratios.values() if found[column]]) for column in OURS]
    print(f"{'geometric mean':20}" + "".join(f"{text_of(mean):>24}" for mean in means))
    missing = missing_cells(old, ratios)
    for layer, (conv_pass, name) in missing:
        print(f"missing: {name} in {conv_pass} of {layer}, which {old.path} has")
    fallen = [(ratio, layer, column) for layer, found in ratios.items() for column, ratio in found.items()
              if ratio is not None and ratio < 1 - noise]
    for ratio, layer, (conv_pass, name) in sorted(fallen):
        print(f"slower: {name} in {conv_pass} of {layer}: {ratio:.3f}, at least {1 - noise:.3f} expected")
    if not fallen:
        print(f"nothing{' else' if missing else ''} fell by more than {noise:.1%}")
    return not fallen and not missing
