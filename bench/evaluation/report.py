"""The report: report.md and report.html of an evaluation, with its figures beside them."""
import statistics

from . import plots
from .curves import class_curves, classes_of, crossing
from .document import Figure, Heading, Paragraph, Table, to_html, to_markdown
from .measurements import FORCED, PASSES, PEER, unique
from .projection import POLICIES

TITLE = "SparseTrain: the paper's evaluation on this machine"
PUBLISHED = {"vgg16": 2.19, "resnet34": 1.37, "resnet50": 1.31}  # arXiv 1911.10175, over MKL-DNN direct on Skylake-X
GOALS = {"vgg16": 3.5, "resnet34": 1.85, "resnet50": 1.65}  # of this project, set for Zen 4
PEER_TITLES = {PEER: "oneDNN direct", "onednn_winograd": "oneDNN Winograd", "im2col": "im2col + OpenBLAS",
               "dense": "our `dense`"}


def speed(value):
    return "-" if value is None else f"{value:.2f}x"


def milliseconds(value):
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def headline_table(projections):
    header = ["network", "ours over oneDNN direct", "ours over the best dense peer", "ours with the paper's policy"]
    rows = [[own.network.title, f"**{speed(own.speed('ours', 'direct'))}**", speed(own.speed("ours", "dense")),
             speed(own.speed("paper", "direct"))] for own in projections]
    if any(own.network.name in PUBLISHED for own in projections):
        header += ["the paper's figure", "our goal, on Zen 4"]
        for row, own in zip(rows, projections):
            row += [speed(PUBLISHED.get(own.network.name)), speed(GOALS.get(own.network.name))]
    return Table(header, rows)


def headline(evaluation, projections):
    machine = evaluation.machine
    yield Heading(TITLE, 1)
    threads = "one thread" if machine["threads"] == "1" else f"{machine['threads']} threads"
    yield Paragraph(f"{machine['cpu']}, {threads}, kernels for `{machine['uarch']}`. "
                    f"{evaluation.document['date']}, `{evaluation.document['command']}`.")
    if evaluation.document["quick"]:
        percents = ", ".join(map(str, evaluation.percents()))
        yield Paragraph(f"**This is a quick run**: batch {machine['batch']}, {machine['rounds']} rounds, only {percents} % "
                        "of zeros, no im2col. Its figures are rougher than those of a full run: small batches, and long straight "
                        "lines between so few percents.")
    yield Paragraph("Speedup of training all convolutions but the first (forward, backward by data, backward by weights) at "
                    "the zeros of whole training runs:")
    yield headline_table(projections)
    yield Figure("headline.png", "Training of all convolutions but the first: speed over oneDNN's direct convolution.")
    yield Paragraph("The best dense peer is chosen for each layer and pass among oneDNN direct, oneDNN Winograd, im2col with "
                    "OpenBLAS and our own `dense`, as measured here. All figures but the paper's are of this machine.")
    yield Paragraph(f"Policies. Ours: {POLICIES['ours']}. The other: {POLICIES['paper']}.")


def pass_section(projections):
    yield Heading("By pass")
    rows = []
    for own in projections:
        for conv_pass in (*PASSES, None):
            rows.append([f"{own.network.title}, {conv_pass or '**all passes**'}",
                         *(milliseconds(own.total(what, conv_pass)) for what in ("direct", "dense", "ours")),
                         speed(own.speed("ours", "direct", conv_pass)), speed(own.speed("ours", "dense", conv_pass)),
                         speed(own.speed("paper", "direct", conv_pass))])
    yield Table(["network, pass", "oneDNN direct, ms", "best dense, ms", "ours, ms", "ours over direct",
                 "ours over best dense", "paper's policy over direct"], rows)
    yield Paragraph("Times are of one training step, averaged over training; `bwd_data` and `bwd_weights` are the paper's BWI "
                    "and BWW.")


def break_even_table(classes):
    rows = []
    for name, curves in classes.items():
        for conv_pass, found in curves.items():
            for forced, auto in FORCED.items():
                if auto not in found:
                    continue
                winograd = found.get("onednn_winograd")
                level = winograd and next(iter(winograd.values())).mean
                rows.append([f"{name}, {conv_pass}", f"`{auto}`", percent(crossing(found.get(forced, {}), 1)),
                             speed(level), percent(level and crossing(found[auto], level))])
    return Table(["class, pass", "implementation", "faster than oneDNN direct from", "Winograd over direct",
                  "faster than Winograd from"], rows)


def percent(value):
    return "-" if value is None else f"{value:.0f} % zeros"


def curve_section(evaluation):
    yield Heading("Speed over zeros")
    yield Paragraph("Zeros are random. Lines are geometric means over a class's layers, bands reach from the slowest layer to "
                    "the fastest. The ideal, 1/(1-s), is a direct convolution that does the same multiply-adds per second and "
                    "leaves out those with zeros. Dotted: skipping is forced where `auto` would run dense.")
    classes = {name: class_curves(evaluation, layers) for name, layers in classes_of(evaluation).items()}
    for name in classes:
        yield Figure(plots.class_file(name), f"{name}: speed over oneDNN direct against zeros.")
    yield break_even_table(classes)
    forced = ", ".join(f"`{name}`" for name in FORCED)
    yield Paragraph(f"Break-even is where forced skipping ({forced}) passes oneDNN direct; `auto` runs dense "
                    "below. A dash: not below at the least percent, or not reached.")


def layer_section(projections):
    yield Heading("Layers at the profile")
    for own in projections:
        yield Figure(plots.heat_map_file(own.network.name),
                     f"{own.network.title}: speed of our policy in each layer and pass at the zeros of its training run, over "
                     "oneDNN direct (left) and over the best dense peer (right).")


def zeros_section(evaluation):
    yield Heading("Zeros over training")
    yield Figure("zeros.png", "Zeros in the inputs of the convolutions during training; for networks without batch "
                 "normalisation also in the gradients that enter their backward passes. Behind batch normalisation these are "
                 "dense.")
    if any(network.name in PUBLISHED for network in evaluation.networks):
        yield Paragraph("Of VGG16, ResNet-34 and ResNet-50: means over groups of epochs, computed from what the authors of "
                        "SparseTrain published beside their code (Gong et al., arXiv 1911.10175).")


def peak_section(evaluation, projections):
    yield Heading("Share of the FMA peak")
    yield Paragraph(f"The measured peak is {evaluation.peak / 1e9:.0f} GFLOP/s: fused multiply-adds in registers, two FLOPs "
                    "each, times the threads. The share is that of the FLOPs whose operand (or wanted result) is not zero. "
                    "They include taps on padding, which nobody computes: layers with small images gain a little by that.")
    yield Figure("peak.png", "FLOPs that count, as a share of the measured peak; circles: oneDNN direct.")
    rows = []
    for own in projections:
        for conv_pass in PASSES:
            effectual = own.total("effectual_flops", conv_pass) / (own.total("ours", conv_pass) / 1e3) / evaluation.peak
            direct = own.total("flops", conv_pass) / (own.total("direct", conv_pass) / 1e3) / evaluation.peak
            rows.append([f"{own.network.title}, {conv_pass}", f"{effectual:.0%}", f"{direct:.0%}"])
    yield Table(["at the profile", "ours, of effectual FLOPs", "oneDNN direct, of all FLOPs"], rows)


def dense_wins_section(projections):
    yield Heading("Where a dense peer wins")
    rows, pairs = [], 0
    for own in projections:
        for layer in unique(one.layer for one in own.passes):
            for conv_pass in PASSES:
                pairs += 1
                ratio = own.speed("ours", "dense", conv_pass, layer)
                if ratio < 1:
                    peer = next(one.dense_name for one in own.passes if (one.layer, one.conv_pass) == (layer, conv_pass))
                    share = own.total("ours", conv_pass, layer) / own.total("ours")
                    rows.append([f"{own.network.title}, {layer}, {conv_pass}", PEER_TITLES[peer], speed(ratio),
                                 f"{share:.1%}"])
    yield Paragraph(f"At the profile, in {len(rows)} of {pairs} layers and passes, the best dense peer is faster than our "
                    "policy, which does not use peers.")
    if rows:
        yield Table(["network, layer, pass", "best dense peer", "ours over it", "share of our time"], rows)


def spread_of(evaluation):
    """{(layer, pass, implementation, percent): half the range of the rounds' own ratios to the peer}, relative to the speed"""
    spreads = {}
    for (layer, conv_pass, name), by_percent in evaluation.rounds.items():
        for zeros, times in by_percent.items():
            peer = evaluation.rounds.get((layer, conv_pass, PEER), {}).get(zeros, [])
            ratios = [theirs / own for theirs, own in zip(peer, times)]
            if name != PEER and len(ratios) > 1:
                middle = statistics.median(peer) / statistics.median(times)
                spreads[layer, conv_pass, name, zeros] = (max(ratios) - min(ratios)) / 2 / middle
    return spreads


def machine_section(evaluation):
    yield Heading("Machine, versions, method")
    machine, versions = evaluation.machine, evaluation.versions
    clock = "CPU time of the thread" if machine["time"] == "cpu_time" else "wall time"
    yield Table(["what", "value"], [
        ["CPU", f"{machine['cpu']}, {machine['cores']} cores"], ["system", machine["system"]],
        ["kernels", f"`{machine['uarch']}` ({machine['isa']})"], ["threads", f"{machine['threads']}"],
        ["FMA peak", f"{evaluation.peak / 1e9:.0f} GFLOP/s"],
        ["sparsetrain", f"{versions['sparsetrain']}, Halide {versions['halide']}, {versions['compiler']}"],
        ["peers", f"oneDNN {versions['onednn']}, {versions['openblas']}"], ["batch", machine["batch"]],
        ["rounds", f"{machine['rounds']} of at least {machine['min_time']} s each; medians"], ["clock", clock],
        ["date", evaluation.document["date"]], ["command", f"`{evaluation.document['command']}`"]], words=True)
    spreads = spread_of(evaluation)
    if spreads:
        (layer, conv_pass, name, zeros), most = max(spreads.items(), key=lambda item: item[1])
        yield Paragraph(f"Rounds spread by ±{statistics.median(spreads.values()):.1%} (median), at most ±{most:.1%} "
                        f"({name}, {conv_pass} of {layer} at {zeros} %). A median above some 3 % means that the machine was "
                        "not quiet.")
    yield Paragraph("Every implementation begins and ends with tensors in its own format; weights are packed before the time "
                    "starts, for all. Masks and lists of nonzeros are made within it, but for the mask of `auto_masked`, which "
                    "training has anyway. Every result was compared with a direct convolution in double first. A "
                    "convolution's time between the measured percents lies on straight lines; beyond the last it is that of the "
                    "last.")


def write_report(evaluation, projections, directory):
    """The paths of the page and of the Markdown."""
    blocks = [*headline(evaluation, projections), *pass_section(projections), *curve_section(evaluation),
              *layer_section(projections), *zeros_section(evaluation), *peak_section(evaluation, projections),
              *dense_wins_section(projections), *machine_section(evaluation)]
    plots.draw_all(evaluation, projections, PUBLISHED, directory)
    page, markdown = directory / "report.html", directory / "report.md"
    markdown.write_text(to_markdown(blocks), encoding="utf-8")
    page.write_text(to_html(TITLE, blocks, directory), encoding="utf-8")
    return page, markdown
