"""Forest plots: effects with their intervals over attacks, classifiers, controls and seeds; contrasts."""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from idbias.report.figures import ADVERSARIAL, ESSENTIAL, in_style, nothing_to_draw

# Rows of a figure at most: a page's height.
MOST = 48
LOOKS = {"attack": ("o", ESSENTIAL), "control": ("s", ADVERSARIAL)}


def effects(rows):
    """Return what a forest plot of rows shows, a DataFrame, in the rows' order.

    rows: DataFrame of the correlation table's rows, controls too (column control; missing or "none" for
    an attack's own). Columns: group (classifier, attack and, where it has several, epsilon), label, kind
    ("attack" or "control"), seed, estimate, low, high (the 95 % interval over images; missing where a row
    has none). Several rows of one group and label are seeds.
    """
    rows = rows.assign(
        control=rows["control"].fillna("none") if "control" in rows else "none",
        low=rows.get("distance_correlation_low", np.nan),
        high=rows.get("distance_correlation_high", np.nan),
    )
    return _table(rows, "distance_correlation")


def contrasts(rows):
    """Return what a forest plot of contrasts shows, as `effects`.

    rows: DataFrame of the control table's rows, of which those with a contrast count: the attack's effect
    minus its control's, on the images that both have.
    """
    rows = rows.assign(
        contrast=rows.get("contrast", np.nan),
        low=rows.get("contrast_low", np.nan),
        high=rows.get("contrast_high", np.nan),
    )
    return _table(rows[rows["contrast"].notna()], "contrast")


def _table(rows, effect):
    records = []
    for row in rows.to_dict("records"):
        control = row.get("control") if isinstance(row.get("control"), str) else "none"
        label = "attack" if control == "none" else control.replace("_", " ")
        if (within := row.get("shuffled_within", "all")) != "all":
            label += f", beyond shuffles within {within}"
        names = [row.get("classifier"), row.get("attack")]
        names = [name for name in names if isinstance(name, str)] or [row.get("experiment")]
        if pd.notna(epsilon := row.get("epsilon")):
            names.append(f"epsilon {epsilon:g}")
        records.append(
            {
                "group": ", ".join(map(str, names)),
                "label": label,
                "kind": "attack" if control == "none" else "control",
                "seed": row.get("seed"),
                "estimate": row.get(effect),
                "low": row["low"],
                "high": row["high"],
            }
        )
    columns = ["group", "label", "kind", "seed", "estimate", "low", "high"]
    table = pd.DataFrame(records, columns=columns)
    return table.astype(dict.fromkeys(columns[4:], float))


@in_style
def forest(table, name, label):
    """Draw estimates with their intervals, a row each; seeds of one row share it, small and shifted.

    table: as `effects` returns; name: for the title; label: of the axis. Filled: attacks; open: controls.
    The dotted line is 0.
    """
    table = table[table["estimate"].notna()]
    if table.empty:
        return nothing_to_draw(name, "no row has an effect to draw")
    keys = list(dict.fromkeys(zip(table["group"], table["label"], strict=True)))
    left_out, keys = len(keys) - MOST, keys[:MOST]
    rows_of = Counter(group for group, _ in keys)
    places, ticks, place, before = {}, [], 0.0, None
    for group, row in keys:
        alone = rows_of[group] == 1
        if group != before and not alone:
            place += 0.7 if before else 0
            ticks.append((place, group, True))
            place += 1
        places[group, row] = place
        ticks.append((place, group if alone else row, alone))
        place, before = place + 1, group
    figure, axes = plt.subplots(figsize=(6, 1 + 0.2 * place))
    for kind, (marker, colour) in LOOKS.items():
        ofs = table[table["kind"] == kind]
        for key, rows in ofs.groupby(["group", "label"], sort=False):
            if key not in places:
                continue
            shifts = np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else [0]
            reach = rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]
            errors = np.clip(reach, 0, None)  # NaN, of a row without interval, draws none
            axes.errorbar(
                rows["estimate"], places[key] + np.array(shifts), xerr=errors, fmt=marker, color=colour,
                markersize=4 if len(rows) == 1 else 2.5, capsize=2 if len(rows) == 1 else 0, linewidth=1,
                markerfacecolor=colour if kind == "attack" else "white",
            )  # fmt: skip
    axes.axvline(0, color="0.5", linestyle=":", linewidth=1)
    axes.set_yticks([at for at, *_ in ticks], [text for _, text, _ in ticks], fontsize=7)
    for text, (*_, heading) in zip(axes.get_yticklabels(), ticks, strict=True):
        text.set_fontweight("bold" if heading else "normal")
    axes.set_ylim(place - 0.4, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(label)
    more = f" (the first {MOST}; {left_out} more in the CSV)" if left_out > 0 else ""
    axes.set_title(f"{name}{more}")
    return figure
