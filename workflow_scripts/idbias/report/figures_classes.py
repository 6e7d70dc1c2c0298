"""Results by class: accuracy, success of attacks, masks that keep next to nothing; sizes of masks."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from idbias import files
from idbias.correlation.caveats import DEGENERATE_ENTRIES
from idbias.report.figures import ADVERSARIAL, ESSENTIAL, in_style, lines, nothing_to_draw

# Classes that are named below an axis at most; of more, every k-th.
NAMED = 20
MARKERS = "os^Dv"


def entries_of(pairs):
    """Return a pairs file's masks' numbers of entries above 0, a DataFrame with a row a pair.

    Columns label, essential and adversarial; a frequency and its mirror image count once, channels each
    for themselves.
    """
    stored, _ = files.read(pairs, ["label", "first_entries", "second_entries"])
    return pd.DataFrame(stored).set_axis(["label", "essential", "adversarial"], axis=1)


def by_class(predictions, images, attacks, pairs, classes):
    """Return results by class, a DataFrame: set, class, measure, value, images.

    predictions: file; images: how many were to be attacked; attacks: name -> file of the attack; pairs:
    name -> DataFrame of `entries_of`; classes: names. Measures: accuracy (set ""), and of each attack
    success (share of those attacked), pairs, and essential_degenerate and adversarial_degenerate: pairs
    whose mask has DEGENERATE_ENTRIES or fewer.
    """
    read, _ = files.read(predictions, ["label", "correct"])
    label, correct = read["label"][:images], read["correct"][:images]
    rows = []
    for number, name in enumerate(classes):
        of_class = label == number
        rows.append(("", name, "accuracy", _share(correct[of_class]), of_class.sum()))
        for attack, path in attacks.items():
            success = files.read(path, ["success", "label"])[0]
            of = success["success"][success["label"] == number]
            rows.append((attack, name, "success", _share(of), len(of)))
            if attack in pairs:
                of_attack = pairs[attack][pairs[attack]["label"] == number]
                rows.append((attack, name, "pairs", len(of_attack), len(of_attack)))
                for kind in ("essential", "adversarial"):
                    count = (of_attack[kind] <= DEGENERATE_ENTRIES).sum()
                    rows.append((attack, name, f"{kind}_degenerate", count, len(of_attack)))
    return pd.DataFrame(rows, columns=["set", "class", "measure", "value", "images"])


def _share(values):
    return values.mean() if len(values) else np.nan


@in_style
def results_by_class(table, name):
    """Draw `by_class`: accuracy and success, pairs, and masks of one entry or none, against the class."""
    classes = list(dict.fromkeys(table["class"]))
    attacks = [attack for attack in dict.fromkeys(table["set"]) if attack]
    degenerate = table["measure"].str.endswith("_degenerate")
    panels = {"share of images": ["accuracy", "success"], "pairs": ["pairs"]}
    if table.loc[degenerate, "value"].any():
        panels["masks of one\nentry or none"] = ["essential_degenerate", "adversarial_degenerate"]
    panels = {label: of for label, of in panels.items() if table["measure"].isin(of).any()}
    # Of curves that lie on each other the lower marker looks out.
    looks = {
        attack: (colour, dashes, MARKERS[number % len(MARKERS)], max(6.5 - 1.5 * number, 3))
        for number, (attack, (colour, dashes)) in enumerate(
            zip(["", *attacks], lines(1 + len(attacks)), strict=True)
        )
    }
    figure, boxes = plt.subplots(
        len(panels), 1, figsize=(7.2, 0.9 + 1.35 * len(panels)), sharex=True, squeeze=False
    )
    for axes, (label, measures) in zip(boxes[:, 0], panels.items(), strict=True):
        for (attack, measure), part in table[table["measure"].isin(measures)].groupby(
            ["set", "measure"], sort=False
        ):
            colour, dashes, marker, size = looks[attack]
            at = [classes.index(each) for each in part["class"]]
            kind = measure.removesuffix("_degenerate")
            text = ": ".join(filter(None, [attack, kind])) if kind != measure else attack or measure
            axes.plot(
                at, part["value"], color=colour, linestyle=dashes, linewidth=0.8, markersize=size,
                marker=marker,
                markerfacecolor="white" if kind == "adversarial" else colour, label=text,
            )  # fmt: skip
        axes.set_ylabel(label, fontsize=8)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(1, 0.5))
        axes.yaxis.set_major_locator(
            matplotlib.ticker.MaxNLocator(4, integer=label != "share of images")
        )
    step = -(-len(classes) // NAMED)
    shown = range(0, len(classes), step)
    turned = max(len(str(classes[number])) for number in shown) > 60 / max(len(shown), 1)
    axes.set_xticks(
        list(shown),
        [str(classes[number])[:14] for number in shown],
        fontsize=7,
        rotation=90 * turned,
    )
    axes.set_xlabel("class" + f" (one in {step} is named)" * (step > 1))
    boxes[0, 0].set_title(name)
    return figure


@in_style
def sizes(entries, name):
    """Draw how many entries above 0 the essential and the adversarial masks have: shares at or below.

    entries: DataFrame of `entries_of`; name: for the title.
    """
    if entries.empty:
        return nothing_to_draw(name, "no image has both masks")
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7.2, 3), gridspec_kw={"width_ratios": (3, 2)}
    )
    figure.suptitle(name, fontsize=9)
    for kind, colour, dashes in (
        ("essential", ESSENTIAL, "-"),
        ("adversarial", ADVERSARIAL, "--"),
    ):
        values = entries[kind]
        few = (values <= DEGENERATE_ENTRIES).sum()
        label = f"{kind}: median {values.median():.0f}\n{few:,} of one entry or none"
        left.ecdf(values, color=colour, linestyle=dashes, label=label)
    left.set_xscale("symlog", linthresh=1)
    left.set_xlabel("entries of a mask above 0")
    left.set_ylabel("share of masks")
    left.legend(fontsize=6.5, loc="upper left")
    left.set_ylim(0, 1.02)
    right.plot(
        entries["essential"], entries["adversarial"], ".", color=ESSENTIAL, markersize=3, alpha=0.25,
        markeredgewidth=0, rasterized=True,
    )  # fmt: skip
    most = max(entries[["essential", "adversarial"]].to_numpy().max(), 1)
    right.plot([0, most], [0, most], color="0.5", linewidth=0.8, linestyle=":")
    right.set_xscale("symlog", linthresh=1)
    right.set_yscale("symlog", linthresh=1)
    right.set(xlabel="essential mask's entries", ylabel="adversarial mask's entries")
    # Where all numbers are small a power of ten alone would stand below the axis.
    subs = (1, 2, 5) if most < 100 else (1,)
    for axis in (left.xaxis, right.xaxis, right.yaxis):
        axis.set_major_locator(
            matplotlib.ticker.SymmetricalLogLocator(base=10, linthresh=1, subs=subs)
        )
        axis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return figure
