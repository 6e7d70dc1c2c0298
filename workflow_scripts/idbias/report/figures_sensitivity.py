"""Masks beside what is known of a classifier from outside: its error under noise, accuracy by band."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from idbias import files
from idbias.report.figures import ADVERSARIAL, ESSENTIAL, in_style, lines
from idbias.spectra.radial import centred

# Means of masks beside the heat map at most.
MOST = 4


def read(path):
    """Return what rule classifier_sensitivity measured: (heat map, bands), two DataFrames.

    Columns: vertical, horizontal (cycles per image), error and noise (root mean square); radius
    (cycles per pixel), low_pass, high_pass and band_stop (accuracies).
    """
    measured, about = files.read(path)
    vertical, horizontal = np.meshgrid(
        measured["noise/vertical"], measured["noise/horizontal"], indexing="ij"
    )
    heat = {"vertical": vertical, "horizontal": horizontal, "error": measured["noise/error"]}
    heat["noise"] = np.full(vertical.shape, about["noise"])
    bands = {
        name: measured[f"bands/{name}"] for name in ("radius", "low_pass", "high_pass", "band_stop")
    }
    return pd.DataFrame({name: values.ravel() for name, values in heat.items()}), pd.DataFrame(
        bands
    )


@in_style
def heat_maps(heat, means, name):
    """Draw the error under noise of each frequency beside mean masks, zero frequency in the middle.

    heat: DataFrame as `read` returns; means: title -> mean mask (C, H, W) in fft2 order, on one scale;
    name: for the title.
    """
    error = heat.pivot_table(index="vertical", columns="horizontal", values="error")
    means = {title: mask for title, mask in means.items() if np.isfinite(mask).all()}
    means = dict(list(means.items())[:MOST])
    count = 1 + len(means)
    figure, grid = plt.subplots(1, count, figsize=(max(0.6 + 1.3 * count, 3), 2.7), squeeze=False)
    figure.suptitle(name, fontsize=9)
    boxes = grid[0]
    # A cell is as wide as the step from one frequency to the next.
    extent = []
    for side in (error.columns, error.index[::-1]):
        half = (side[1] - side[0]) / 2 if len(side) > 1 else 0.5
        extent += [side[0] - half, side[-1] + half]
    drawn = boxes[0].imshow(error, extent=extent, vmin=0, cmap="magma")
    boxes[0].set_title(
        f"error under noise of\none frequency, rms {heat['noise'].iloc[0]:g}", fontsize=7
    )
    figure.colorbar(drawn, ax=boxes[0], location="bottom", shrink=0.9).ax.tick_params(labelsize=6)
    highest = max((mask.mean(axis=0).max() for mask in means.values()), default=1) or 1
    for box, (title, mask) in zip(boxes[1:], means.items(), strict=True):
        mean = centred(mask.mean(axis=0))
        height, width = mean.shape
        left, top = -(width // 2) - 0.5, -(height // 2) - 0.5
        extent = (left, left + width, top + height, top)
        drawn = box.imshow(mean, extent=extent, vmin=0, vmax=highest)
        box.set_title(title.replace(": ", "\n"), fontsize=7)
    if means:
        bar = figure.colorbar(drawn, ax=list(boxes[1:]), location="bottom", shrink=0.5)
        bar.ax.tick_params(labelsize=6)
    for box in boxes:
        box.tick_params(labelsize=6)
    boxes[0].set_ylabel("vertical cycles per image", fontsize=7)
    figure.supxlabel("horizontal cycles per image", fontsize=7)
    return figure


@in_style
def bands(table, profiles, name):
    """Draw accuracy against the band of frequencies kept, above the masks' mean at each radius.

    table: DataFrame as `read` returns; profiles: title -> DataFrame of radius, mean, low and high
    (idbias.report.figures_masks.averages), "essential" first; name: for the title.
    """
    figure, (above, below) = plt.subplots(2, 1, figsize=(5.6, 4.2), sharex=True)
    for column, label, colour, dashes in (
        ("low_pass", "only up to the radius", ESSENTIAL, "-"),
        ("high_pass", "only above it, and the mean", ADVERSARIAL, "--"),
        ("band_stop", "without the band that ends here", "0.4", ":"),
    ):
        above.plot(
            table["radius"], table[column], color=colour, linestyle=dashes, marker=".", markersize=3,
            label=label,
        )  # fmt: skip
    above.set_ylim(0, 1.03)
    above.set_ylabel("accuracy")
    above.set_title(name)
    for (title, profile), (colour, dashes) in zip(
        profiles.items(), lines(len(profiles)), strict=True
    ):
        below.plot(profile["radius"], profile["mean"], dashes, color=colour, label=title)
        below.fill_between(
            profile["radius"],
            profile["low"],
            profile["high"],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
    below.set_ylim(bottom=0)
    below.set_ylabel("mean mask")
    below.set_xlabel("radial frequency (cycles per pixel)")
    for box in (above, below):
        box.legend(fontsize=6.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
