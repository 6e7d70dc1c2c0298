"""Tables of arms: controls beside the attack's row, and mean and spread over seeds."""

import pandas as pd

from idbias.report.table_rows import mean_and_std, read_rows, with_holm

NAMES = ["experiment", "dataset", "classifier", "seed", "attack", "epsilon"]
MEASURED = (
    "test_accuracy", "attack_success", "pairs", "z", "dimensions_lost", "distance_correlation", "contrast",
)  # fmt: skip

# Column of a table -> of a contrast's file.
CONTRAST = {
    "contrast": "difference",
    "contrast_low": "low",
    "contrast_high": "high",
    "contrast_p": "p",
    "contrast_images": "images",
    "contrast_reason": "reason",
}


def controls(rows, control_rows, contrasts, others=()):
    """Return each attack's row followed by its controls' rows, with their contrasts, a DataFrame.

    rows: CSV files of the attacks' rows, one for each of `control_rows` (an attack's again for each of
    its controls); contrasts: the files of each; others: rows of attacks without a control in the same
    experiments, which count in Holm's correction, so that a row has the same p here as among all.
    Columns of a row, and control ("none" for the
    attack's own), contrast, contrast_low, contrast_high, contrast_p, contrast_images and, where there is none,
    contrast_reason. p-values adjusted for the rows that ask one question stand beside them, those of
    contrasts for all contrasts of an experiment (contrast_p_holm).
    """
    parts, before = [], None
    for row, control_row, contrast in zip(rows, control_rows, contrasts, strict=True):
        if row != before:
            parts.append(read_rows(row).assign(control="none"))
        before = row
        difference = read_rows(contrast).iloc[0]
        below = read_rows(control_row)
        for name, column in CONTRAST.items():
            # Once, beside the first of several ways to shuffle.
            below.loc[below.index[0], name] = difference.get(column)
        parts.append(below)
    parts += [read_rows(row).assign(control="none") for row in others]
    table = with_holm(pd.concat(parts, ignore_index=True))
    return with_holm(table, ["contrast_p"], ["experiment"]).dropna(axis=1, how="all")


def over_seeds(rows, controlled=None):
    """Return mean and standard deviation (ddof 1) over the seeds of a classifier, a DataFrame.

    rows: DataFrame of attacks' rows; controlled: DataFrame as `controls` returns, or None. A row for
    each classifier, attack, epsilon, control and way to shuffle that has several seeds: seeds, and
    NAME_mean and NAME_std of each of MEASURED, NAME_seeds where not all seeds have a value.
    """
    rows = rows.assign(control="none")
    if controlled is not None:
        below = controlled[controlled["control"] != "none"]
        rows = pd.concat([rows, below], ignore_index=True)
    rows = rows[rows["seed"].notna()]
    by = [
        name for name in [*NAMES, "control", "shuffled_within"] if name in rows and name != "seed"
    ]
    grouped = rows.groupby(by, sort=False, dropna=False)
    columns = {"seeds": grouped["seed"].nunique()}
    for name in MEASURED:
        if name in rows:
            columns |= mean_and_std(grouped, name, columns["seeds"], "_mean")
    return pd.DataFrame(columns).reset_index().dropna(axis=1, how="all")
