"""How all figures look. Colours are those of Okabe and Ito, which colour-blind readers can tell apart."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#E69F00"
GREY, BLACK = "#767676", "#1a1a1a"

plt.rcParams.update({
    "figure.dpi": 160, "savefig.bbox": "tight", "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11,
    "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": GREY, "axes.labelcolor": BLACK, "xtick.color": BLACK, "ytick.color": BLACK, "axes.grid": True,
    "grid.color": "#e6e6e6", "axes.axisbelow": True, "text.parse_math": False,  # names are the user's
})


def save(figure, path):
    figure.savefig(path)
    plt.close(figure)


def spread_out(wanted, gap):
    """Positions near those `wanted`, at least `gap` apart, in the same order."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places = sorted(wanted)
    for _ in range(200):  # push overlapping neighbours apart until none are left
        moved = False
        for left in range(len(places) - 1):
            missing = gap - (places[left + 1] - places[left])
            if missing > 1e-6:
                places[left] -= missing / 2
                places[left + 1] += missing / 2
                moved = True
        if not moved:
            break
    return [places[order.index(index)] for index in range(len(wanted))]


def label_ends(axes, labels, x, gap):
    """Writes (y, text, colour) labels to the right of an axis whose y is already in axes' units of 0 to 1; beyond these, at
    the end."""
    ends = [min(max(y, 0), 1) for y, _, _ in labels]
    for (_, text, colour), place in zip(labels, spread_out(ends, gap)):
        axes.text(x, place, text, color=colour, transform=axes.transAxes, va="center", ha="left", fontsize=8.5)
