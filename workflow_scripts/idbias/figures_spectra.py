"""Figures of paper 2: spectra by architecture, radial profiles, kernel size against frequency."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from idbias.figures import STYLE, lines
from idbias.spectra import bootstrap, centred, mean_radial_frequency, radial_profile


def spectra(amplitudes, columns=4):
    """Draw mean spectra side by side, on one logarithmic scale.

    `amplitudes`: name -> the mean of |F delta| over images and channels, (H, W) in fft2 order; all
    of one size. Returns a matplotlib figure.
    """
    rows = -(-len(amplitudes) // columns)
    high = max(grid.max() for grid in amplitudes.values())
    # Four orders of magnitude: below that, amplitudes of float32 perturbations are rounding.
    norm = plt.matplotlib.colors.LogNorm(vmin=high * 1e-4, vmax=high)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(1.8 * columns, 0.4 + 1.9 * rows), squeeze=False
        )
        for box in axes.flat:
            box.set_axis_off()
        for box, (name, grid) in zip(axes.flat, amplitudes.items(), strict=False):
            drawn = box.imshow(centred(np.maximum(grid, high * 1e-4)), norm=norm, cmap="cividis")
            box.set_title(name.replace("_", " "), fontsize=6)
        figure.colorbar(drawn, ax=axes, shrink=0.7, label="mean |F δ|")
    return figure


def profile_table(weights, seed):
    """Return radial profiles with 95 % bootstrap intervals over images, a DataFrame.

    `weights`: name -> (N, H, W), as for idbias.spectra.radial_profile. Columns name, radius (cycles
    a pixel), mean, low, high: of the share of an image's weight at a frequency, averaged over the
    frequencies of a ring (flat for white noise, whatever the ring's number of points).
    """
    tables = []
    for name, grid in weights.items():
        radii, profiles = radial_profile(grid, mean=True)
        mean, low, high = bootstrap(profiles, seed)
        columns = {"name": name, "radius": radii, "mean": mean, "low": low, "high": high}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def profiles(table, label="share of energy at a frequency,\nmean over ring"):
    """Draw `profile_table`'s profiles as lines, their intervals as bands. Returns a figure."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.6, 3.2))
        names = table["name"].unique()
        for name, (colour, dashes) in zip(names, lines(len(names)), strict=True):
            one = table[table["name"] == name]
            axes.plot(
                one["radius"], one["mean"], dashes, color=colour, label=name.replace("_", " ")
            )
            axes.fill_between(
                one["radius"], one["low"], one["high"], color=colour, alpha=0.2, linewidth=0
            )
        axes.set_xlabel("radial frequency (cycles a pixel)")
        axes.set_ylabel(label)
        axes.set_yscale("log")
        figure.legend(loc="outside right upper", fontsize=6)
    return figure


def frequency_table(weights, seed):
    """Return each set's mean radial frequency, cycles a pixel, with its 95 % bootstrap interval.

    `weights`: name -> (N, H, W) or (N, C, H, W), as for idbias.spectra.mean_radial_frequency: of
    perturbations, gradients, or masks. A DataFrame: name, images, mean, low, high.
    """
    rows = []
    for name, grid in weights.items():
        mean, low, high = bootstrap(mean_radial_frequency(grid), seed)
        row = {"name": name, "images": len(grid)}
        rows.append({**row, "mean": float(mean), "low": float(low), "high": float(high)})
    return pd.DataFrame(rows)


def kernel_sizes(table):
    """Draw the kernel's side against mean radial frequency with intervals.

    `table`: DataFrame with columns family (a line each, such as "3 linear"), kernel (pixels; the
    image's side for a full kernel), mean, low, high. Returns a matplotlib figure.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots()
        families = table["family"].unique()
        for family, (colour, dashes) in zip(families, lines(len(families)), strict=True):
            one = table[table["family"] == family].sort_values("kernel")
            errors = [one["mean"] - one["low"], one["high"] - one["mean"]]
            axes.errorbar(
                one["kernel"], one["mean"], errors, color=colour, linestyle=dashes, marker="o",
                markersize=3, capsize=2, label=family,
            )  # fmt: skip
        axes.set_xlabel("side of the kernel (pixels)")
        axes.set_ylabel("mean radial frequency\nof perturbations (cycles a pixel)")
        axes.legend(title="hidden layers")
    return figure
