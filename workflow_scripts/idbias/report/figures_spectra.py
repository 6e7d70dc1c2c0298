"""Figures of paper 2: spectra by classifier, radial profiles, frequencies, kernel sizes."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, MaxNLocator

from idbias.report.figures import ADVERSARIAL, ESSENTIAL, OBSERVED, SHUFFLED, in_style, lines
from idbias.spectra.radial import bootstrap, centred, radial_frequency, ring_radii


@in_style
def spectra(amplitudes, columns=4):
    """Draw mean spectra side by side, on one logarithmic scale.

    `amplitudes`: name -> the mean of |F delta| over images and channels, (H, W) in fft2 order; all
    of one size; (0, H, W) where no attack succeeded.
    """
    columns = min(columns, len(amplitudes))
    rows = -(-len(amplitudes) // columns)
    # Without a success there is no grid, (0, H, W), and its place stays empty.
    known = [grid for grid in amplitudes.values() if grid.ndim == 2] or [np.ones((1, 1))]
    high = max(grid.max() for grid in known)
    # Four orders of magnitude at most: below that, amplitudes of float32 perturbations are rounding.
    low = max(min(grid.min() for grid in known), high * 1e-4)
    norm = plt.matplotlib.colors.LogNorm(vmin=low, vmax=high)
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
    if any(grid.ndim == 2 for grid in amplitudes.values()):
        bar = figure.colorbar(
            drawn,
            ax=axes,
            shrink=0.8,
            label="mean |F δ|",
            ticks=LogLocator(subs=(1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 5, 7)),
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


def profile_table(profiles, size, seed):
    """Return radial profiles with 95 % bootstrap intervals over images, a DataFrame.

    profiles: name -> (N, R), those of idbias.spectra.radial_profile with mean=True; size: height and
    width of the images. Columns name, radius (cycles per pixel), mean, low, high: of the share of an
    image's weight at a frequency, averaged over the frequencies of a ring (flat for white noise,
    whatever the ring's number of points).
    """
    tables = []
    for name, of_images in profiles.items():
        mean, low, high = bootstrap(of_images, seed)
        radii = ring_radii(*size)
        columns = {"name": name, "radius": radii, "mean": mean, "low": low, "high": high}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def panels(names, models):
    """Return {title: {name: label}}: models of paper 2's zoo by depth and nonlinearity, others together.

    models: name -> arguments of the zoo, of those that are of it. A label is the architecture where it tells
    a panel's models apart, else the name. Others have no title where there is no zoo.
    """
    grouped = {}
    for name in names:
        title = "other classifiers" if models else ""
        if name in models:
            layers = models[name]["hidden_layers"]
            title = f"{layers} hidden layer{'s' * (layers > 1)}, {models[name]['nonlinearity']}"
        grouped.setdefault(title, []).append(name)
    by_title = {}
    for title, members in grouped.items():
        labels = [models.get(name, {}).get("architecture", name) for name in members]
        if len(set(labels)) < len(labels):
            labels = members
        words = (label.replace("_", " ") for label in labels)
        by_title[title] = dict(zip(members, words, strict=True))
    return by_title


@in_style
def profiles(table, models):
    """Draw `profile_table`'s profiles as lines, their intervals as bands.

    models: as for `panels`.
    """
    grouped = panels(table["name"].unique(), models)
    many = max(map(len, grouped.values())) > MOST_IN_A_PANEL
    columns = min(len(grouped), 2)
    rows = -(-len(grouped) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(0.8 + (3.2 + 2.2 * many) * columns, 0.4 + 2.4 * rows),
        sharey=True,
        squeeze=False,
    )
    for box in axes.flat[len(grouped) :]:
        box.set_axis_off()
    for box, (title, names) in zip(axes.flat, grouped.items(), strict=False):
        for (name, label), (colour, dashes) in zip(names.items(), lines(len(names)), strict=True):
            one = table[table["name"] == name]
            box.plot(one["radius"], one["mean"], dashes, color=colour, label=label)
            box.fill_between(
                one["radius"], one["low"], one["high"], color=colour, alpha=0.2, linewidth=0
            )
        box.set_title(title)
        if (table["mean"] > 0).any():  # without a success there is nothing to scale
            box.set_yscale("log")
        beside = {"loc": "upper left", "bbox_to_anchor": (1, 1), "borderaxespad": 0.2}
        box.legend(fontsize=6, **(beside if many else {}))
    figure.supxlabel("radial frequency (cycles per pixel)", fontsize=9)
    figure.supylabel("share of energy at a frequency\n(mean over a ring)", fontsize=9)
    return figure


# Lines in a panel of profiles whose legend leaves room for them.
MOST_IN_A_PANEL = 6
MARKERS = {
    "perturbations": ("o", OBSERVED),
    "input gradients": ("x", "#666666"),
    "end-to-end weights": ("+", "black"),
    "essential masks": ("s", ESSENTIAL),
    "adversarial masks": ("D", ADVERSARIAL),
}


@in_style
def frequencies(table, name, size):
    """Draw mean radial frequencies with their intervals, a row a classifier.

    `table`: DataFrame of idbias.spectra.spectra_tables.frequencies, of one attack; `name`: for the title;
    `size`: (H, W) of the images, which decides where white noise is, a dotted line.
    """
    classifiers = list(table["classifier"].unique())
    figure, axes = plt.subplots(figsize=(5.6, 1.5 + 0.22 * len(classifiers)))
    for of, one in table.groupby("of", sort=False):
        marker, colour = MARKERS[of]
        rows = [classifiers.index(classifier) for classifier in one["classifier"]]
        errors = np.array([one["mean"] - one["low"], one["high"] - one["mean"]])
        axes.errorbar(
            one["mean"], rows, xerr=errors, fmt=marker, color=colour, markersize=4, capsize=2,
            label=of,
        )  # fmt: skip
    axes.axvline(radial_frequency(*size).mean(), color=SHUFFLED, linestyle=":", label="white noise")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_yticks(range(len(classifiers)), [each.replace("_", " ") for each in classifiers])
    axes.invert_yaxis()
    axes.margins(y=0.5 / len(classifiers))
    axes.set_xlabel("mean radial frequency (cycles per pixel)")
    axes.set_title(name)
    figure.legend(loc="outside right upper", fontsize=6)
    return figure


@in_style
def kernel_sizes(table):
    """Draw the kernel's side against mean radial frequency with intervals: a row of panels an attack,
    a column a dataset, a line for each family of networks and way to train them.

    `table`: DataFrame of idbias.spectra.spectra_tables.kernel_sizes; where an experiment has rows over
    seeds, these are drawn of it.
    """
    if "seeds" in table:
        over_seeds = table["seeds"].notna()
        key = [table[name] for name in ("experiment", "attack", "family", "kernel", "full_kernel")]
        table = table[over_seeds | ~over_seeds.groupby(key).transform("any")]
    table = table.assign(line=lines_of_kernels(table), place=places_of_kernels(table)).sort_values(
        "place"
    )
    attacks, datasets = sorted(table["attack"].unique()), sorted(table["dataset"].unique())
    names = sorted(table["line"].unique())
    styles = dict(zip(names, lines(len(names)), strict=True))
    size = (0.8 + 3 * len(datasets), 0.8 + 1.9 * len(attacks) + 0.15 * len(names))
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
                one["place"], one["mean"], errors, color=colour, linestyle=dashes, marker="o",
                markersize=3, capsize=2,
            )  # fmt: skip
        sides = panel.drop_duplicates("place")
        box.set_xticks(sides["place"], sides["kernel"].mask(sides["full_kernel"], "full"))
        box.tick_params(labelsize=6)
        box.set_title(f"{datasets[column]}, {attacks[row]}".replace("_", " "), fontsize=8)
    figure.legend(
        [plt.Line2D([], [], color=styles[name][0], linestyle=styles[name][1]) for name in names],
        names, loc="outside upper center", ncols=1, fontsize=6,
    )  # fmt: skip
    figure.supxlabel("side of the kernel (pixels)", fontsize=9)
    figure.supylabel("mean radial frequency of\nperturbations (cycles per pixel)", fontsize=9)
    return figure


def places_of_kernels(table):
    """Return where on the axis each row of `table` stands: at its kernel's side, in pixels.

    A full kernel beside a local one of the same side stands a pixel further.
    """
    local = set(table.loc[~table["full_kernel"].astype(bool), "kernel"])
    beside = table["full_kernel"].astype(bool) & table["kernel"].isin(local)
    return table["kernel"] + beside


def lines_of_kernels(table):
    """Return which line each row of `table` is on, in words: its layers, and what its trainings share.

    That is the training accuracy at which they stopped, or never came to, else their learning rate, else
    neither. Lines of several experiments that would be called alike are called by their experiment too.
    """
    rates, stops, missed = (
        table.get(name, pd.Series(np.nan, table.index))
        for name in ("learning_rate", "stop_accuracy", "short_of_accuracy")
    )
    words = []
    for index, row in table.iterrows():
        alike = rates[
            (table["experiment"] == row["experiment"]) & (table["family"] == row["family"])
        ]
        if np.isfinite(missed[index]):
            shared = f", short of training accuracy {missed[index]:g}"
        elif np.isfinite(stops[index]):
            shared = f", stopped at training accuracy {stops[index]:g}"
        elif np.isnan(rates[index]):
            shared = ""
        elif np.isclose(alike, rates[index]).all():
            shared = f", learning rate {rates[index]:g}"
        else:
            shared = ", learning rates differ"
        words.append(f"{row['family']}{shared}")
    named = table.assign(line=words)
    several = named.groupby(["dataset", "attack", "line"])["experiment"].transform("nunique") > 1
    return named["line"].mask(several, named["experiment"] + ": " + named["line"])
