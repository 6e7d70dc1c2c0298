"""Figures of paper 2: spectra by classifier, radial profiles, frequencies, kernel sizes."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, MaxNLocator

from idbias.classifiers.paper2 import ZOO
from idbias.report.figures import ADVERSARIAL, ESSENTIAL, OBSERVED, SHUFFLED, STYLE, lines
from idbias.spectra.radial import bootstrap, centred, radial_frequency


def spectra(amplitudes, columns=4):
    """Draw mean spectra side by side, on one logarithmic scale.

    `amplitudes`: name -> the mean of |F delta| over images and channels, (H, W) in fft2 order; all
    of one size; (0, H, W) where no attack succeeded. Returns a matplotlib figure.
    """
    columns = min(columns, len(amplitudes))
    rows = -(-len(amplitudes) // columns)
    # Without a success there is no grid, (0, H, W), and its place stays empty.
    known = [grid for grid in amplitudes.values() if grid.ndim == 2] or [np.ones((1, 1))]
    high = max(grid.max() for grid in known)
    # Four orders of magnitude at most: below that, amplitudes of float32 perturbations are rounding.
    low = max(min(grid.min() for grid in known), high * 1e-4)
    norm = plt.matplotlib.colors.LogNorm(vmin=low, vmax=high)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(1.1 + 1.5 * columns, 0.3 + 1.6 * rows), squeeze=False
        )
        for box in axes.flat:
            box.set_axis_off()
        for box, (name, grid) in zip(axes.flat, amplitudes.items(), strict=False):
            shown = grid if grid.ndim == 2 else np.full(grid.shape[1:], np.nan)
            drawn = box.imshow(centred(np.maximum(shown, low)), norm=norm, cmap="cividis")
            none = "" if grid.ndim == 2 else "\nno success"
            box.set_title("\n".join(textwrap.wrap(name.replace("_", " "), 22)) + none, fontsize=6.5)
        bar = figure.colorbar(
            drawn,
            ax=axes,
            shrink=0.8,
            label="mean |F δ|",
            ticks=LogLocator(subs=(1, 2, 5)),
            format="%g",
        )
        bar.minorticks_off()
    return figure


def amplitude_table(amplitudes):
    """Return the numbers of `spectra`: a DataFrame with name, fy, fx (cycles per pixel), amplitude."""
    tables = []
    for name, grid in amplitudes.items():
        if grid.ndim > 2:  # no grid, without a success
            grid = np.full(grid.shape[1:], np.nan)
        fy, fx = np.meshgrid(*(np.fft.fftfreq(side) for side in grid.shape), indexing="ij")
        columns = {"fy": fy.ravel(), "fx": fx.ravel(), "amplitude": grid.ravel()}
        tables.append(pd.DataFrame({"name": name, **columns}))
    return pd.concat(tables, ignore_index=True)


def profile_table(profiles, side, seed):
    """Return radial profiles with 95 % bootstrap intervals over images, a DataFrame.

    profiles: name -> (N, R), those of idbias.spectra.radial_profile with mean=True; side: the shorter
    side of the images. Columns name, radius (cycles per pixel), mean, low, high: of the share of an
    image's weight at a frequency, averaged over the frequencies of a ring (flat for white noise,
    whatever the ring's number of points).
    """
    tables = []
    for name, of_images in profiles.items():
        mean, low, high = bootstrap(of_images, seed)
        radii = np.arange(len(mean)) / side
        columns = {"name": name, "radius": radii, "mean": mean, "low": low, "high": high}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def panels(names):
    """Return {title: names}: models of paper 2's zoo by depth and nonlinearity, others together.

    Others have no title where there is no zoo.
    """
    found, others = {}, "other classifiers" if any(name in ZOO for name in names) else ""
    for name in names:
        model = ZOO.get(name)
        title = others
        if model:
            layers = model["hidden_layers"]
            title = f"{layers} hidden layer{'s' * (layers > 1)}, {model['nonlinearity']}"
        found.setdefault(title, []).append(name)
    return found


def profiles(table):
    """Draw `profile_table`'s profiles as lines, their intervals as bands. Returns a figure."""
    grouped = panels(table["name"].unique())
    columns = min(len(grouped), 2)
    rows = -(-len(grouped) // columns)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows,
            columns,
            figsize=(0.8 + 3.2 * columns, 0.4 + 2.4 * rows),
            sharey=True,
            squeeze=False,
        )
        for box in axes.flat[len(grouped) :]:
            box.set_axis_off()
        for box, (title, names) in zip(axes.flat, grouped.items(), strict=False):
            for name, (colour, dashes) in zip(names, lines(len(names)), strict=True):
                one = table[table["name"] == name]
                label = ZOO.get(name, {}).get("architecture", name).replace("_", " ")
                box.plot(one["radius"], one["mean"], dashes, color=colour, label=label)
                box.fill_between(
                    one["radius"], one["low"], one["high"], color=colour, alpha=0.2, linewidth=0
                )
            box.set_title(title)
            if (table["mean"] > 0).any():  # without a success there is nothing to scale
                box.set_yscale("log")
            box.legend(fontsize=6)
        figure.supxlabel("radial frequency (cycles per pixel)", fontsize=9)
        figure.supylabel("share of energy at a frequency\n(mean over a ring)", fontsize=9)
    return figure


MARKERS = {
    "perturbations": ("o", OBSERVED),
    "input gradients": ("x", "#666666"),
    "end-to-end weights": ("+", "black"),
    "essential masks": ("s", ESSENTIAL),
    "adversarial masks": ("D", ADVERSARIAL),
}


def frequencies(table, name, size):
    """Draw mean radial frequencies with their intervals, a row a classifier.

    `table`: DataFrame of idbias.spectra.spectra_tables.frequencies, of one attack; `name`: for the title;
    `size`: (H, W) of the images, which decides where white noise is, a dotted line. Returns a
    matplotlib figure.
    """
    classifiers = list(table["classifier"].unique())
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.6, 1.5 + 0.22 * len(classifiers)))
        for of, one in table.groupby("of", sort=False):
            marker, colour = MARKERS[of]
            rows = [classifiers.index(classifier) for classifier in one["classifier"]]
            errors = np.array([one["mean"] - one["low"], one["high"] - one["mean"]])
            axes.errorbar(
                one["mean"], rows, xerr=errors, fmt=marker, color=colour, markersize=4, capsize=2,
                label=of,
            )  # fmt: skip
        axes.axvline(
            radial_frequency(*size).mean(), color=SHUFFLED, linestyle=":", label="white noise"
        )
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_yticks(range(len(classifiers)), [each.replace("_", " ") for each in classifiers])
        axes.invert_yaxis()
        axes.margins(y=0.5 / len(classifiers))
        axes.set_xlabel("mean radial frequency (cycles per pixel)")
        axes.set_title(name)
        figure.legend(loc="outside right upper", fontsize=6)
    return figure


def kernel_sizes(table):
    """Draw the kernel's side against mean radial frequency with intervals: a row of panels an attack,
    a column a dataset, a line for each family of networks and way to train them.

    `table`: DataFrame of idbias.spectra.spectra_tables.kernel_sizes; where an experiment has rows over
    seeds, these are drawn of it. Returns a matplotlib figure.
    """
    if "seeds" in table:
        over_seeds = table["seeds"].notna()
        key = [table[name] for name in ("experiment", "attack", "family", "kernel")]
        table = table[over_seeds | ~over_seeds.groupby(key).transform("any")]
    table = table.assign(line=lines_of_kernels(table)).sort_values("kernel")
    attacks, datasets = sorted(table["attack"].unique()), sorted(table["dataset"].unique())
    names = sorted(table["line"].unique())
    styles = dict(zip(names, lines(len(names)), strict=True))
    size = (0.8 + 3 * len(datasets), 0.8 + 1.9 * len(attacks) + 0.15 * len(names))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(attacks), len(datasets), figsize=size, sharex="col", squeeze=False
        )
        for (row, column), box in np.ndenumerate(axes):
            in_panel = (table["attack"] == attacks[row]) & (table["dataset"] == datasets[column])
            panel = table[in_panel]
            for name, one in panel.groupby("line"):
                colour, dashes = styles[name]
                errors = np.array([one["mean"] - one["low"], one["high"] - one["mean"]])
                box.errorbar(
                    one["kernel"], one["mean"], errors, color=colour, linestyle=dashes, marker="o",
                    markersize=3, capsize=2,
                )  # fmt: skip
            sides = panel.groupby("kernel")["full_kernel"].any()
            box.set_xticks(sides.index, ["full" if full else side for side, full in sides.items()])
            box.tick_params(labelsize=6)
            box.set_title(f"{datasets[column]}, {attacks[row]}".replace("_", " "), fontsize=8)
        figure.legend(
            [plt.Line2D([], [], color=styles[name][0], linestyle=styles[name][1]) for name in names],
            names, loc="outside upper center", ncols=1, fontsize=6,
        )  # fmt: skip
        figure.supxlabel("side of the kernel (pixels)", fontsize=9)
        figure.supylabel("mean radial frequency of\nperturbations (cycles per pixel)", fontsize=9)
    return figure


def lines_of_kernels(table):
    """Return which line each row of `table` is on, in words: its layers, and what its trainings share.

    That is the training accuracy at which they stopped, else their learning rate, else neither.
    """
    rates = table.get("learning_rate", pd.Series(np.nan, table.index))
    stops = table.get("stop_accuracy", pd.Series(np.nan, table.index))
    words = []
    for index, row in table.iterrows():
        alike = rates[
            (table["experiment"] == row["experiment"]) & (table["family"] == row["family"])
        ]
        if np.isfinite(stops[index]):
            shared = f", stopped at training accuracy {stops[index]:g}"
        elif np.isnan(rates[index]):
            shared = ""
        elif (alike == rates[index]).all():
            shared = f", learning rate {rates[index]:g}"
        else:
            shared = ", learning rates differ"
        words.append(f"{row['family']}{shared}")
    return words
