"""From times of layers to times of training: what a network's convolutions would take at the zeros of a training run.

A convolution's time at some percent of zeros lies on straight lines between the measured percents, and beyond the last it is
that of the last. It is projected for every value that the profile has, and averaged.
"""
import bisect
import statistics
from dataclasses import dataclass

from .measurements import PASSES, PEER

POLICIES = {
    "ours": "`auto`: fwd by the zeros of src; bwd_data by those of diff_dst or by the mask of the ReLU in front of the "
            "convolution (`auto_masked`), whichever is faster; bwd_weights by those of the sparser operand",
    "paper": "the paper's choice of operands, with our kernels: fwd by src, bwd_data by diff_dst, bwd_weights by src",
}


def interpolate(times, zeros):
    """The time at `zeros` of {percent: time} with rising percents."""
    percents = list(times)
    right = bisect.bisect_left(percents, zeros)
    if right == 0 or right == len(percents):
        return times[percents[min(right, len(percents) - 1)]]
    low, high = percents[right - 1], percents[right]
    share = (zeros - low) / (high - low)
    return (1 - share) * times[low] + share * times[high]


def time_of_ours(evaluation, layer, conv_pass, src, diff_dst):
    auto = evaluation.times(layer, conv_pass, "auto")
    if conv_pass == "fwd":
        return interpolate(auto, src)
    if conv_pass == "bwd_weights":
        return interpolate(auto, max(src, diff_dst))
    return min(interpolate(auto, diff_dst), interpolate(evaluation.times(layer, conv_pass, "auto_masked"), src))


def time_of_paper(evaluation, layer, conv_pass, src, diff_dst):
    return interpolate(evaluation.times(layer, conv_pass, "auto"), diff_dst if conv_pass == "bwd_data" else src)


@dataclass(frozen=True)
class ProjectedPass:
    """ms of a convolution's pass: both policies averaged over training, oneDNN direct and the best dense peer."""
    convolution: str
    layer: str
    conv_pass: str
    ours: float
    paper: float
    direct: float
    dense: float
    dense_name: str
    flops: float
    effectual_flops: float  # of the policy `ours`, averaged over training


def effectual_share(conv_pass, src, diff_dst):
    if conv_pass == "fwd":
        return 1 - src / 100
    return 1 - max(src, diff_dst) / 100


def project_pass(evaluation, convolution, conv_pass):
    layer = convolution.layer
    course = list(zip(convolution.src, convolution.diff_dst))
    dense, dense_name = evaluation.best_dense(layer, conv_pass)
    flops = evaluation.flops[layer]
    return ProjectedPass(
        convolution.name, layer, conv_pass,
        statistics.fmean(time_of_ours(evaluation, layer, conv_pass, *zeros) for zeros in course),
        statistics.fmean(time_of_paper(evaluation, layer, conv_pass, *zeros) for zeros in course),
        evaluation.dense_time(layer, conv_pass, PEER), dense, dense_name, flops,
        flops * statistics.fmean(effectual_share(conv_pass, *zeros) for zeros in course))


class Projection:
    """Of a network: a ProjectedPass per convolution and pass, and sums of them."""

    def __init__(self, evaluation, network):
        self.network = network
        self.passes = [project_pass(evaluation, convolution, conv_pass)
                       for convolution in network.convolutions for conv_pass in PASSES]

    def total(self, what, conv_pass=None, layer=None):
        """Sum of a field of ProjectedPass, of one pass or all, of one layer or all."""
        return sum(getattr(own, what) for own in self.passes
                   if conv_pass in (None, own.conv_pass) and layer in (None, own.layer))

    def speed(self, policy, baseline, conv_pass=None, layer=None):
        """How many times as fast as `baseline` ("direct", "dense")."""
        return self.total(baseline, conv_pass, layer) / self.total(policy, conv_pass, layer)
