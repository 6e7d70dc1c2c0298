"""Figures of the arms of an experiment."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import MaxNLocator

from idbias.report.figures import in_style, lines, nothing_to_draw
from idbias.report.table_rows import mean_and_std

PANELS = {
    "z": "Z",
    "distance_correlation": "distance correlation",
    "attack_success": "success of the attack",
}


def against_epsilon(rows):
    """Return mean and standard deviation over seeds at each epsilon, a DataFrame.

    rows: DataFrame of rows with epsilon. Columns: classifier, attack, epsilon, seeds, and NAME and
    NAME_std (missing of one seed) of z, distance_correlation and attack_success, NAME_seeds where not all seeds
    have a value; sorted by epsilon.
    """
    # The first of several ways to shuffle.
    rows = rows[rows["shuffled_within"] == rows["shuffled_within"].iloc[0]]
    grouped = rows.sort_values("epsilon").groupby(["classifier", "attack", "epsilon"], sort=False)
    columns = {"seeds": grouped.size()}
    for name in PANELS:
        if name in rows:  # not so without `baselines`, or where no row has a test
            columns |= mean_and_std(grouped, name, columns["seeds"])
    return pd.DataFrame(columns).reset_index().dropna(axis=1, how="all")


@in_style
def epsilons(numbers, name):
    """Draw what `against_epsilon` returns, a panel each and a line a classifier and attack.

    Bars are standard deviations over seeds.
    """
    groups = list(numbers.groupby(["classifier", "attack"], sort=False))
    columns = [column for column in PANELS if column in numbers]
    if not columns:
        return nothing_to_draw(name, "no row has a number to draw")
    figure, panels = plt.subplots(
        1, len(columns), figsize=(0.4 + 2.27 * len(columns), 2.8), squeeze=False
    )
    panels = panels[0]
    for axes, column in zip(panels, columns, strict=True):
        for ((classifier, attack), rows), (colour, dashes) in zip(
            groups, lines(len(groups)), strict=True
        ):
            axes.errorbar(
                rows["epsilon"], rows[column], rows.get(f"{column}_std"), color=colour,
                linestyle=dashes, marker="o", markersize=3, label=f"{classifier}, {attack}",
            )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("epsilon")
        axes.set_ylabel(PANELS[column])
    panels[0].axhline(0, color="0.6", linewidth=0.8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(name, fontsize=9)
    return figure


def over_orders(rows):
    """Return median, 5 % and 95 % quantile over orders for each number of classes, a DataFrame.

    rows: as idbias.correlation.class_curve.class_curve returns. Columns: classes, pairs, and NAME,
    NAME_low, NAME_high of z and distance_correlation.
    """
    # Columns of a CSV without rows have no type of their own.
    grouped = rows.astype(float).groupby("classes")
    columns = {"pairs": grouped["pairs"].first()}
    for name in ("z", "distance_correlation"):
        for end, level in (("", 0.5), ("_low", 0.05), ("_high", 0.95)):
            columns[f"{name}{end}"] = grouped[name].quantile(level)
    return pd.DataFrame(columns).reset_index()


@in_style
def class_curve(numbers, name):
    """Draw Z and distance correlation against the number of classes.

    numbers: as `over_orders` returns.
    """
    panels = {"z": "Z", "distance_correlation": "distance correlation"}
    pairs = f"{numbers['pairs'].iloc[0]:.0f} pairs for each number" if len(numbers) else "no pairs"
    figure, drawn = plt.subplots(1, 2, figsize=(7.2, 3.0))
    for axes, (column, label) in zip(drawn, panels.items(), strict=True):
        axes.fill_between(
            numbers["classes"],
            numbers[f"{column}_low"],
            numbers[f"{column}_high"],
            color="0.85",
        )
        axes.plot(numbers["classes"], numbers[column], color="0.1", marker="o", markersize=3)
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.set_xlabel("classes")
        axes.set_ylabel(label)
    figure.suptitle(f"{name}: {pairs}", fontsize=9)
    return figure
