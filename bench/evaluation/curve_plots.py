"""Figures over zeros: speed of each class of layers, and the share of the peak."""
import math

from .curves import class_curves, class_shares, classes_of, crossing, filled_in
from .measurements import FORCED, PASSES, PEER
from .plot_style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILLION,
    label_ends,
    plt,
    save,
)

SPARSE = {"auto": BLUE, "auto_masked": VERMILLION}
PEERS = {"onednn_winograd": ("Winograd", PURPLE), "im2col": ("im2col", ORANGE), "dense": ("our dense", GREEN)}
LABELS = {"auto": "auto", "auto_masked": "by output mask"}
LOWEST, HIGHEST = 0.4, 20.0


def class_file(name):
    return f"speed_{name.replace(' ', '_')}.png"


def height(speed):
    """Of a speed, as a share of the logarithmic axis."""
    return math.log(speed / LOWEST) / math.log(HIGHEST / LOWEST)


def ideal(axes):
    zeros = [step / 2 for step in range(2 * 94 + 1)]
    axes.plot(zeros, [100 / (100 - percent) for percent in zeros], color=GREY, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.annotate("ideal 1/(1-s)", (74, 100 / 26), (58, 5.4), color=GREY, fontsize=8.5, ha="center",
                  arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": .6})


def mark_crossing(axes, percent, level, colour):
    if percent is not None:
        axes.plot([percent], [level], "o", color="white", markeredgecolor=colour, markeredgewidth=1.5, markersize=6, zorder=5)
        axes.annotate(f"{percent:.0f} %", (percent, level), (6, -13), textcoords="offset points", fontsize=8.5, color=colour,
                      bbox={"facecolor": "white", "alpha": .8, "linewidth": 0, "pad": .8})


def draw_mean(axes, curve, **style):
    line = filled_in(curve)
    axes.plot(list(line), [speeds.mean for speeds in line.values()], **style)


def draw_sparse(axes, curves):
    for name, auto in FORCED.items():
        draw_mean(axes, curves.get(name, {}), color=SPARSE[auto], linestyle=":", linewidth=1.4)
    for name, colour in SPARSE.items():
        curve = curves.get(name)
        if not curve:
            continue
        draw_mean(axes, curve, color=colour, linewidth=2)
        axes.plot(list(curve), [speeds.mean for speeds in curve.values()], "o", color=colour, markersize=3.5)
        band = filled_in(curve)
        axes.fill_between(list(band), [speeds.least for speeds in band.values()],
                          [speeds.most for speeds in band.values()], color=colour, alpha=.13, linewidth=0)
        yield height(list(curve.values())[-1].mean), LABELS[name], colour


def draw_peers(axes, curves):
    axes.axhline(1, color=BLACK, linewidth=1)
    yield height(1), "oneDNN direct", BLACK
    for name, (title, colour) in PEERS.items():
        if curves.get(name):
            level = next(iter(curves[name].values())).mean
            axes.axhline(level, color=colour, linewidth=1.2)
            yield height(level), title, colour


def mark_break_even(axes, curves):
    mark_crossing(axes, crossing(curves.get("zero_skip", {}), 1), 1, BLUE)
    if "onednn_winograd" in curves:
        level = next(iter(curves["onednn_winograd"].values())).mean
        mark_crossing(axes, crossing(curves["auto"], level), level, PURPLE)


def draw_class(curves, title, path):
    figure, panels = plt.subplots(1, 3, figsize=(13.5, 4.4), sharey=True, gridspec_kw={"wspace": .4})
    for axes, conv_pass in zip(panels, PASSES):
        ideal(axes)
        labels = [*draw_sparse(axes, curves[conv_pass]), *draw_peers(axes, curves[conv_pass])]
        mark_break_even(axes, curves[conv_pass])
        axes.set(title=f"{title}: {conv_pass}", xlabel="zeros, %", xlim=(-2, 97), yscale="log", ylim=(LOWEST, HIGHEST))
        axes.set_yticks([.5, 1, 2, 4, 8, 16], ["0.5x", "1x", "2x", "4x", "8x", "16x"])
        axes.minorticks_off()
        label_ends(axes, labels, 1.015, .05)
    panels[0].set_ylabel("speed over oneDNN direct")
    save(figure, path)


def draw_classes(evaluation, directory):
    for name, layers in classes_of(evaluation).items():
        draw_class(class_curves(evaluation, layers), name, directory / class_file(name))


def draw_peak(evaluation, path):
    colours = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
    figure, panels = plt.subplots(1, 3, figsize=(13.5, 4), sharey=True, gridspec_kw={"wspace": .4})
    for axes, conv_pass in zip(panels, PASSES):
        labels = []
        for (name, layers), colour in zip(classes_of(evaluation).items(), colours):
            for implementation, style in (("auto", "-"), ("auto_masked", "--")):
                shares = class_shares(evaluation, layers, conv_pass, implementation)
                axes.plot(list(shares), [100 * share for share in shares.values()], color=colour, linestyle=style,
                          marker="o", markersize=3)
                if shares and implementation == "auto":
                    labels.append((list(shares.values())[-1] / 1.1, name, colour))
            peer = class_shares(evaluation, layers, conv_pass, PEER)
            axes.plot([0], [min(100 * next(iter(peer.values())), 110)], "o", color="white", markeredgecolor=colour, markersize=8,
                      markeredgewidth=1.5, zorder=1, clip_on=False)
        axes.axhline(100, color=BLACK, linewidth=1)
        axes.set(title=conv_pass, xlabel="zeros, %", xlim=(-2, 97), ylim=(0, 110))
        label_ends(axes, labels, 1.015, .055)
    panels[1].text(.98, .97, "dashed: by the output mask", transform=panels[1].transAxes, ha="right", va="top", fontsize=8.5,
                   color=GREY)
    panels[0].set_ylabel("effectual FLOPs, % of the FMA peak")
    save(figure, path)
