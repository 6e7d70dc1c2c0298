"""Figures of crossed trainings."""

import matplotlib.pyplot as plt
import numpy as np

from idbias.report.figures import in_style, lines, nothing_to_draw
from idbias.report.rounding import THREE, TWO

NOT_MEASURED = "not measured; the table of crossed trainings says why"


@in_style
def trainings(table, name):
    """Draw how far each training's essential masks go with the attacks on each training.

    table: DataFrame as crossed_tables.own_and_others returns: masks_of, attacks_on, value; or empty.
    name: for the title.
    """
    if table.empty:
        return nothing_to_draw(name, NOT_MEASURED)
    figure, axes = plt.subplots(figsize=(4.4, 3.4))
    axes.set_title(name)
    square = table.pivot(index="masks_of", columns="attacks_on", values="value")
    labels = list(dict.fromkeys(table["masks_of"]))
    values = square.loc[labels, labels].to_numpy()
    most = np.abs(values).max() or 1
    image = axes.imshow(values, cmap="PuOr", vmin=-most, vmax=most)
    axes.set_xticks(range(len(labels)), labels, rotation=45 if len(labels[0]) > 3 else 0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("attacks on training")
    axes.set_ylabel("essential masks of training")
    for k in range(len(labels)):
        axes.add_patch(plt.Rectangle((k - 0.5, k - 0.5), 1, 1, fill=False, edgecolor="black"))
        for m, value in enumerate(values[k]):
            shade = "white" if abs(value) > 0.7 * most else "black"
            text = TWO(value).replace("-", "\N{MINUS SIGN}").replace("0.", ".")
            axes.text(m, k, text, ha="center", va="center", fontsize=7, color=shade)
    bar = figure.colorbar(image, ax=axes, shrink=0.85)
    bar.set_label("product; rho is the diagonal's mean")
    return figure


@in_style
def resolution(curve, name):
    """Draw rho with its interval at the primary resolution, against the ceiling, and against resolution.

    curve: DataFrame as crossed_tables.curve returns: of, bands, rho, low, high; the first bands of each `of`
    are the primary ones. name: for the title.
    """
    if curve.empty:
        return nothing_to_draw(name, NOT_MEASURED)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.2))
    figure.suptitle(name, fontsize=9)
    sets = list(dict.fromkeys(curve["of"]))
    styles = dict(zip(sets, lines(len(sets)), strict=True))
    primary = curve.groupby("of", sort=False).first().loc[sets]
    for place, (of, row) in enumerate(primary.iterrows()):
        _interval(left, row["rho"], len(sets) - 1 - place, row, styles[of][0], "x")
        left.annotate(
            THREE(row["rho"]), (row["rho"], len(sets) - 1 - place), (0, 5),
            textcoords="offset points", ha="center", fontsize=7,
        )  # fmt: skip
    left.set_yticks(range(len(sets))[::-1], sets)
    left.set_ylim(-0.6, len(sets) - 0.4)
    bands = primary["bands"].iloc[0]
    left.set_xlabel(f"rho, 95 % interval ({_words(bands)})")
    labels = sorted(
        dict.fromkeys(curve["bands"]),
        key=lambda label: (not label.isdigit(), len(label), label),
    )
    for number, of in enumerate(sets):
        shift = 0.12 * (number - (len(sets) - 1) / 2)
        colour, dashes = styles[of]
        rows = curve[curve["of"] == of].set_index("bands").reindex(labels)
        places = np.arange(len(labels)) + shift
        grids = np.array([label.isdigit() for label in labels])
        right.plot(places[grids], rows["rho"][grids], dashes, color=colour, label=of)
        for place, (_, row) in zip(places, rows.iterrows(), strict=True):
            _interval(right, place, row["rho"], row, colour, "y")
    right.set_xticks(range(len(labels)), labels)
    right.set_xlabel("bands n (of n by n a channel), and rings")
    right.set_ylabel("rho, 95 % interval")
    right.legend(fontsize=7)
    for axes, line in ((left, left.axvline), (right, right.axhline)):
        line(0, color="0.6", linewidth=0.8)
        axes.margins(x=0.08)
    return figure


def _interval(axes, x, y, row, colour, along):
    reach = [[row["rho"] - row["low"]], [row["high"] - row["rho"]]]
    axes.errorbar(x, y, **{f"{along}err": reach}, color=colour, marker="o", markersize=3, capsize=2)


def _words(bands):
    return "rings" if bands == "rings" else f"{bands} by {bands} bands"
