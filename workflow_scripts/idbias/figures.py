"""Figures, in one style that survives gray print and colour blindness."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from idbias.files import replacing

STYLE = {
    "figure.figsize": (4.8, 3.2),
    "figure.dpi": 150,
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "pdf.fonttype": 42,
}
SHUFFLED, OBSERVED = "#9ecae1", "#b2182b"


def save(figure, *paths):
    """Save a figure under each path; the format is the path's suffix. Closes the figure."""
    for path in paths:
        with replacing(path) as temporary:
            figure.savefig(temporary, format=path.rsplit(".", 1)[1])
    plt.close(figure)


def shuffle_histogram(observed, shuffled, row):
    """Draw the I_d of the shuffled sets (R,) as a histogram and the observed I_d as a line.

    `row`: the row of the correlation table, for the title. Returns a matplotlib figure.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        axes.hist(
            shuffled, bins="auto", color=SHUFFLED, edgecolor="white",
            label=f"{len(shuffled)} shuffles",
        )  # fmt: skip
        axes.axvline(observed, color=OBSERVED, linestyle="--", label="observed")
        names = [
            row[key] for key in ("dataset", "classifier", "attack") if isinstance(row[key], str)
        ]
        axes.set_title(f"{', '.join(names)}:  Z = {row['z']:.2f},  p = {row['p']:.1e}")
        axes.set_xlabel("intrinsic dimension of the joined sets")
        axes.set_ylabel("shuffles")
        axes.legend(frameon=False)
    return figure
