"""Figures of networks: headline, heat maps, zeros over training; and draw_all(), which draws every figure of a report."""
import statistics

from matplotlib.colors import LogNorm

from .curve_plots import class_file, draw_classes, draw_peak
from .measurements import PASSES, unique
from .plot_style import BLACK, BLUE, ORANGE, VERMILLION, plt, save

__all__ = ["class_file", "draw_all", "heat_map_file"]

BARS = (("ours", BLUE), ("ours with the paper's policy", "#7fb8d8"), ("the paper's figure (Skylake-X)", VERMILLION),
        ("best dense peer per layer and pass", ORANGE))


def heat_map_file(network):
    return f"layers_{network}.png"


def draw_headline(projections, published, path):
    figure, axes = plt.subplots(figsize=(9, 1 + 1.2 * len(projections)))
    for row, own in enumerate(projections):
        speeds = (own.speed("ours", "direct"), own.speed("paper", "direct"), published.get(own.network.name),
                  own.total("direct") / own.total("dense"))
        for bar, (speed, (_, colour)) in enumerate(zip(speeds, BARS)):
            if speed is not None:
                axes.barh(row + .21 * (bar - 1.5), speed, .19, color=colour)
                axes.text(speed + .03, row + .21 * (bar - 1.5), f"{speed:.2f}x", va="center", fontsize=9,
                          fontweight="bold" if bar == 0 else "normal")
    axes.axvline(1, color=BLACK, linewidth=1)
    axes.legend([plt.Rectangle((0, 0), 1, 1, color=colour) for _, colour in BARS], [title for title, _ in BARS],
                loc="upper center", bbox_to_anchor=(.47, -.06 - .12 / len(projections)), ncols=2, frameon=False, fontsize=9)
    axes.set_yticks(range(len(projections)), [own.network.title for own in projections])
    axes.xaxis.set_major_formatter("{x:g}x")
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.margins(x=.08)
    save(figure, path)


def draw_heat_map(own, path):
    layers = unique(one.layer for one in own.passes)
    counts = {layer: sum(one.layer == layer for one in own.passes) // len(PASSES) for layer in layers}
    figure, panels = plt.subplots(1, 2, figsize=(9, 1.2 + .3 * len(layers)), sharey=True, gridspec_kw={"wspace": .06})
    for axes, baseline, title in zip(panels, ("direct", "dense"), ("over oneDNN direct", "over the best dense peer")):
        speeds = [[own.speed("ours", baseline, conv_pass, layer) for conv_pass in PASSES] for layer in layers]
        image = axes.imshow(speeds, cmap="PuOr", norm=LogNorm(1 / 8, 8), aspect="auto")
        for row, values in enumerate(speeds):
            for column, speed in enumerate(values):
                pale = 1 / 3.5 < speed < 3.5
                axes.text(column, row, f"{speed:.2f}", ha="center", va="center", fontsize=9,
                          color=BLACK if pale else "white", fontweight="normal" if speed >= 1 else "bold")
        axes.set_xticks(range(len(PASSES)), PASSES)
        axes.set_yticks(range(len(layers)), [f"{layer}  ×{counts[layer]}" if counts[layer] > 1 else layer for layer in layers])
        axes.tick_params(length=0)
        axes.set_title(f"{own.network.title}: {title}" if baseline == "direct" else title)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=panels, ticks=[1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8], fraction=.03, pad=.02)
    bar.ax.set_yticklabels(["1/8", "1/4", "1/2", "1x", "2x", "4x", "8x"])
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)
    save(figure, path)


def draw_zeros(networks, path):
    figure, panels = plt.subplots(1, len(networks), figsize=(4.3 * len(networks) + .4, 3.9), sharey=True, squeeze=False)
    depth = plt.get_cmap("viridis_r")
    for axes, network in zip(panels[0], networks):
        convolutions = network.convolutions
        times = [(index + .5) * network.per_value for index in range(len(convolutions[0].src))]
        for place, convolution in enumerate(convolutions):
            axes.plot(times, convolution.src, color=depth(.1 + .9 * place / len(convolutions)), linewidth=.9, alpha=.8)
        draw_mean(axes, times, [one.src for one in convolutions], "inputs, mean", BLACK)
        if any(max(one.diff_dst) > 0 for one in convolutions):
            draw_mean(axes, times, [one.diff_dst for one in convolutions], "gradients, mean", VERMILLION)
        axes.set(title=network.title, xlabel=network.time_unit, ylim=(0, 100), xlim=(0, times[-1] + network.per_value / 2))
    panels[0][0].set_ylabel("zeros, %")
    colours = plt.cm.ScalarMappable(cmap=depth)
    bar = figure.colorbar(colours, ax=panels[0].tolist(), ticks=[0, 1], fraction=.02, pad=.02, aspect=30)
    bar.ax.set_yticklabels(["input of the\nfirst layers", "of the last"], fontsize=8.5)
    bar.ax.invert_yaxis()
    bar.outline.set_visible(False)
    save(figure, path)


def draw_mean(axes, times, courses, text, colour):
    mean = [statistics.fmean(values) for values in zip(*courses)]
    axes.plot(times, mean, color="white", linewidth=4)
    axes.plot(times, mean, color=colour, linewidth=2.2)
    axes.annotate(text, (times[-1], mean[-1]), (0, 6), textcoords="offset points", ha="right", va="bottom", color=colour,
                  fontsize=9, fontweight="bold", bbox={"facecolor": "white", "alpha": .7, "linewidth": 0, "pad": 1})


def draw_all(evaluation, projections, published, directory):
    """`published` are the paper's speedups, by names of networks."""
    draw_headline(projections, published, directory / "headline.png")
    draw_classes(evaluation, directory)
    for own in projections:
        draw_heat_map(own, directory / heat_map_file(own.network.name))
    draw_zeros(evaluation.networks, directory / "zeros.png")
    draw_peak(evaluation, directory / "peak.png")
