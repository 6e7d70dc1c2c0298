"""Figures of the arms of an experiment."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import MaxNLocator

from idbias.report.figures import STYLE, lines

PANELS = {
    "z": "Z",
    "distance_correlation": "distance correlation",
    "attack_success": "success of the attack",
}


def against_epsilon(rows):
    """Return mean and standard deviation over seeds at each epsilon, a DataFrame.

    rows: DataFrame of rows with epsilon. Columns: classifier, attack, epsilon, seeds, and NAME and
    NAME_std (0 for one seed) of z, distance_correlation and attack_success; sorted by epsilon.
    """
    # The first of several ways to shuffle.
    rows = rows[rows["shuffled_within"] == rows["shuffled_within"].iloc[0]]
    grouped = rows.sort_values("epsilon").groupby(["classifier", "attack", "epsilon"], sort=False)
    columns = {"seeds": grouped.size()}
    for name in PANELS:
        if name not in rows:  # without `baselines`
            continue
        columns[name] = grouped[name].mean()
        columns[f"{name}_std"] = grouped[name].std(ddof=1).fillna(0)
    return pd.DataFrame(columns).reset_index()


def epsilons(numbers, name):
    """Draw what `against_epsilon` returns, a panel each and a line a classifier and attack.

    Bars are standard deviations over seeds. Returns a matplotlib figure.
    """
    groups = list(numbers.groupby(["classifier", "attack"], sort=False))
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, len(PANELS), figsize=(7.2, 2.8))
        for axes, (column, label) in zip(panels, PANELS.items(), strict=True):
            for ((classifier, attack), one), (colour, dashes) in zip(
                groups, lines(len(groups)), strict=True
            ):
                axes.errorbar(
                    one["epsilon"], one[column], one[f"{column}_std"], color=colour,
                    linestyle=dashes, marker="o", markersize=3, label=f"{classifier}, {attack}",
                )  # fmt: skip
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.set_xlabel("epsilon")
            axes.set_ylabel(label)
        panels[0].axhline(0, color="0.6", linewidth=0.8)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        figure.suptitle(name, fontsize=9)
    return figure
