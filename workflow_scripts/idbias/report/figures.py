"""Figures, in one style that survives gray print and colour blindness.

What a figure tells apart differs in lightness and, for lines, in dashes; colour only helps. Each function that
draws returns a matplotlib figure of a table of numbers which `write` puts beside it, so that a figure and its
CSV cannot disagree. No figure is wider than a page's text, and no letter smaller than 6 points. The other
figures_*.py hold the figures of masks, spectra, the spiral, effects, classes and sensitivity.
"""

import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from idbias.console_work import duration
from idbias.files import replacing
from idbias.report.rounding import TWO, p_value
from idbias.report.tables import write_csv

STYLE = {
    "figure.figsize": (4.8, 3.2),
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "font.size": 9,
    "legend.frameon": False,
    "image.interpolation": "nearest",
    "image.cmap": "cividis",
    "pdf.fonttype": 42,
}
# The decorator of functions that draw.
in_style = plt.rc_context(STYLE)
SHUFFLED, OBSERVED = "#9ecae1", "#b2182b"
ESSENTIAL, ADVERSARIAL = "#08306b", "#e08214"
DASHES = ("-", "--", ":", "-.")


def write(figure, numbers, png, pdf, csv):
    """Save a matplotlib figure as PNG and PDF, and the DataFrame of its numbers as CSV.

    Each file appears only when it is complete; the same figure gives the same bytes. PNG and PDF
    carry their path as title, so that a copy can be traced. Closes the figure.
    """
    for path, dates in ((png, {}), (pdf, {"CreationDate": None})):
        metadata = {"Title": path.rsplit(".", 1)[0], **dates}
        with replacing(path) as temporary, plt.rc_context(STYLE):
            figure.savefig(temporary, format=path.rsplit(".", 1)[1], metadata=metadata)
        figure.set_layout_engine("none")  # a layout costs as much as the drawing; one serves both
    write_csv(csv, numbers)
    plt.close(figure)


def lines(count):
    """Return (colour, dashes) for each of `count` lines, from dark to light."""
    colours = matplotlib.colormaps["cividis"](np.linspace(0, 0.85, count))
    return [(colour, DASHES[number % len(DASHES)]) for number, colour in enumerate(colours)]


@in_style
def shuffle_histogram(observed, shuffled, row):
    """Draw the I_d of the shuffled sets (R,) as a histogram and the observed I_d as a line.

    observed, shuffled: NaN where there is none. `row`: the row of the correlation table, for the title, which
    has Z and the two-sided permutation p. Without an I_d the figure says why.
    """
    drawn = np.asarray(shuffled, np.float64)
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(observed) or not len(drawn):
        return nothing_to_draw(names_in(row), row.get("reason"))
    z, p = (row.get(name, np.nan) for name in ("z", "p_two_sided"))
    says = f"Z = {TWO(z)},  two-sided p = {p_value(p)}" if np.isfinite(z) else "no I_d test"
    figure, axes = plt.subplots()
    axes.hist(
        drawn, bins="auto" if np.ptp(drawn) > 1e-9 * abs(drawn.mean()) else 1, color=SHUFFLED,
        edgecolor="white", label=f"{len(drawn)} shuffles",
    )  # fmt: skip
    axes.axvline(observed, color=OBSERVED, linestyle="--", label="observed")
    axes.set_title(f"{names_in(row)}\n{says}")
    axes.set_xlabel("intrinsic dimension of the joined sets")
    axes.set_ylabel("shuffles")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    # Below: there is no corner in which bars or the observed line never are.
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@in_style
def nothing_to_draw(title, reason=None):
    """Return a small figure that says there is nothing to draw, and why."""
    reason = reason if isinstance(reason, str) and reason else "there is no I_d to draw"
    figure = plt.figure(figsize=(4.8, 1.4))
    text = "\n".join(textwrap.wrap(reason.replace("$", ""), 70))
    figure.suptitle(title, fontsize=9)
    figure.text(0.5, 0.4, text, ha="center", va="center", fontsize=7)
    return figure


@in_style
def scale_curves(scales, row):
    """Draw I_d of each set and of both joined against how many points an estimate is of.

    `scales`: DataFrame, a row a number of parts, with columns points (in a part), first, second, joined
    (mean I_d of the parts) and first_std, second_std, joined_std. `row`: as for `shuffle_histogram`.
    """
    curves = {
        "both joined": ("joined", OBSERVED, "-"),
        set_names(row)[0]: ("first", ESSENTIAL, "--"),
        set_names(row)[1]: ("second", ADVERSARIAL, ":"),
    }
    columns = [name for name, *_ in curves.values()]
    if scales.empty or not np.isfinite(scales[columns].to_numpy(np.float64)).any():
        return nothing_to_draw(names_in(row), row.get("reason"))
    figure, axes = plt.subplots()
    for label, (name, colour, dashes) in curves.items():
        axes.errorbar(
            scales["points"], scales[name], scales[f"{name}_std"], color=colour, linestyle=dashes,
            marker="o", markersize=3, capsize=2, label=label,
        )  # fmt: skip
    if len(scales):
        axes.set_xscale("log", base=2)
        axes.set_xticks(scales["points"], [f"{points:.0f}" for points in scales["points"]])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_title(names_in(row))
    axes.set_xlabel("points in a part")
    axes.set_ylabel("intrinsic dimension")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def set_names(row):
    """Return what the two sets of a row of the correlation table are called."""
    if isinstance(row.get("attack"), str):
        return "essential masks", "adversarial masks"
    return "x", "y"


def names_in(row):
    """Return what a row of the correlation table is of, as text."""
    names = [row.get(key) for key in ("dataset", "classifier", "attack")]
    names = [name for name in names if isinstance(name, str)]
    names += [f"{key} {row[key]:g}" for key in ("seed", "epsilon") if pd.notna(row.get(key))]
    if row.get("shuffled_within", "all") != "all":
        names.append(f"shuffled within {row['shuffled_within']}")
    return ", ".join(names)


@in_style
def training_curves(history, name):
    """Draw loss and accuracies against the epoch.

    `history`: DataFrame, a row an epoch, with columns epoch, loss, train_accuracy and, if it was
    measured, test_accuracy; empty for a classifier whose weights were taken as they are, of which the
    figure says so. `name`: for the title.
    """
    if history.empty:
        return nothing_to_draw(name, "not trained here: its weights were taken as they are")
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3))
    figure.suptitle(name, fontsize=9)
    for axes, label in ((left, "training loss (cross-entropy)"), (right, "accuracy")):
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    # A dot as well, without which a single epoch would show no line.
    shared = {"marker": ".", "markersize": 3}
    left.plot(history["epoch"], history["loss"], color=ESSENTIAL, **shared)
    if (history["loss"] > 0).all():
        left.set_yscale("log")
    curves = (("train", ADVERSARIAL, "--"), ("test", ESSENTIAL, "-"))
    for part, colour, dashes in curves:
        if f"{part}_accuracy" in history:
            accuracy = history[f"{part}_accuracy"]
            label = f"{part}, last {accuracy.iloc[-1]:.1%}"
            right.plot(history["epoch"], accuracy, dashes, color=colour, label=label, **shared)
    right.legend(loc="lower right")
    return figure


@in_style
def mask_steps(masks, name):
    """Draw for each set of masks the share that had ended training by each step.

    `masks`: DataFrame, a row a mask, with columns set and steps. `name`: for the title.
    """
    figure, axes = plt.subplots(figsize=(5.6, 3))
    sets = masks["set"].unique()
    for name_of_set, (colour, dashes) in zip(sets, lines(len(sets)), strict=True):
        steps = masks.loc[masks["set"] == name_of_set, "steps"]
        label = f"{name_of_set}, median {steps.median():.0f}"
        axes.ecdf(steps, color=colour, linestyle=dashes, label=label)
    axes.set_xlabel("optimisation steps of a mask")
    axes.set_ylabel("share of masks that had ended")
    axes.set_title(name)
    figure.legend(loc="outside right upper")
    return figure


@in_style
def yields(counts, name):
    """Draw how many images are left after each stage, as bars with their numbers.

    `counts`: DataFrame with columns set, stage and images; `name`: for the title.
    """
    figure, axes = plt.subplots(figsize=(5.6, 0.6 + 0.24 * len(counts)))
    sets = counts["set"].unique()
    colours = matplotlib.colormaps["cividis"](np.linspace(0.1, 0.8, len(sets)))
    shown = counts.iloc[::-1].reset_index(drop=True)
    colour = [colours[list(sets).index(name_of_set)] for name_of_set in shown["set"]]
    labels = [f"{row.set}: {row.stage}" if row.set else row.stage for row in shown.itertuples()]
    bars = axes.barh(labels, shown["images"], color=colour)
    axes.bar_label(bars, [f"{number:,}" for number in shown["images"]], padding=3)
    axes.margins(x=0.15, y=0.02)
    axes.set_xlabel("images")
    axes.set_title(name)
    return figure


@in_style
def costs(table):
    """Draw run time and memory of each stage of the workflow.

    `table`: DataFrame of `costs.by_stage`: columns stage, jobs, seconds, longest_seconds and
    memory_mb, a row a stage of an experiment.
    """
    stages = table.groupby("stage", sort=False).agg(
        jobs=("jobs", "sum"), seconds=("seconds", "sum"), memory=("memory_mb", "max")
    )[::-1]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 0.8 + 0.26 * len(stages)), sharey=True)
    labels = [f"{row.Index} ({row.jobs})" for row in stages.itertuples()]
    bars = left.barh(labels, stages["seconds"], color=ESSENTIAL)
    left.bar_label(bars, [duration(value, ".1f") for value in stages["seconds"]], padding=3)
    left.set_xlabel("seconds of all its jobs together")
    left.set_ylabel("stage (jobs)")
    left.set_title(f"{duration(stages['seconds'].sum(), '.1f')} of jobs in all")
    bars = right.barh(labels, stages["memory"], color=ADVERSARIAL)
    right.bar_label(bars, [f"{value:.0f}" for value in stages["memory"]], padding=3)
    right.set_xlabel("memory of its largest job (MB)")
    for axes in (left, right):
        axes.margins(x=0.2)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    return figure
