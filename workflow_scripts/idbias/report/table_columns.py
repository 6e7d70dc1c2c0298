"""The columns of tables for people: which of them come first, and what is said once above the table."""

from idbias.report.table_texts import OVER_SEEDS, names, texts

# Columns on the first screen of a table, at most.
MOST = 10
# The p that a verdict goes by: the first of these that there is.
P_VALUES = ("p_two_sided_holm", "p_two_sided", "p_permutation_holm", "p_permutation", "p")
# A column -> what is said of its numbers, once, above a table that has it.
EXPLAINED = {
    "interval": "Radial frequencies are in cycles per pixel.",
    "local": "Local and full kernel: the mean radial frequency with each.",
    "share_above_0.125": "Share above: the share of the energy above that many cycles per pixel.",
    "median_linf": "Medians are of successful perturbations, in units of the pixel range.",
}
# What a row is of. Those that do not differ between rows are said once, above the table.
OF = (
    "source", "experiment", "dataset", "classifier", "seed", "seeds", "attack", "epsilon", "control", "of",
    "shuffled_within", "family", "kernel", "inequality", "radius", "layer", "readout",
)  # fmt: skip
ALWAYS = ("classifier", "attack")
# A column that only tables of this kind have -> what such a table shows first, most important last: from
# the left they give way where a row is of so much that there is no room.
FIRST = {
    "z": (
        "r_squared", "reason", "cosine", "pairs", "id_shuffled", "id", "effect", "p_shown", "z",
        "contrast_p_holm", "contrast_interval",
    ),
    "rho": (
        "interaction_p", "interaction", "network_means_p", "network_means", "images", "verdict",
        "share_of_ceiling", "p_holm", "rho_interval",
    ),
    "z_mean": tuple(f"{name}_over_seeds" for name in OVER_SEEDS),
    "succeeded": (
        "failed", "timed_out", "succeeded", "images", "correct", "median_l2", "median_linf", "test_accuracy",
        "attack_success",
    ),
    "difference": (
        "reason", "full_train_accuracy", "local_train_accuracy", "images", "full", "local", "interval",
    ),
    "full_kernel": ("learning_rate", "train_accuracy", "images", "interval"),
    "misalignment": (
        "constant", "outside_frequency", "product", "beta", "held", "stated_holds", "misalignment", "holds",
    ),
}  # fmt: skip


def parts(table):
    """Return a table for people in parts: (notes, explained, lead, the first columns, the others).

    table: DataFrame of numbers. Notes: sentences, of what all rows are of, and units; explained: what only the
    first columns need, such as which p column p is. The first columns, MOST of them at most, say what each row
    is of and the answer; the other columns come with what each row is of. Both are DataFrames of text, whose
    first `lead` columns say what a row is of; the second has no columns where everything is among the first.
    """
    shown = texts(table)
    named = all_names = names(shown)
    of = [name for name in OF if name in shown]
    shared = [name for name in of if len(set(shown[name])) == 1 and name not in ALWAYS]
    if len(shown) < 2:
        shared = [name for name in shared if name in ("experiment", "dataset")]
    alike = ", ".join(f"{named[name]} {shown[name].iloc[0]}" for name in shared)
    notes = [f"In all rows: {alike}."] if alike else []
    told = [name for name in of if name not in shared and not _follows(shown, name)]
    measured = [name for name in shown if name not in of]
    kind = next((kind for kind in FIRST if kind in table), None)
    if kind:
        wanted = [_stands_for(name, shown) for name in FIRST[kind]]
        wanted = [name for name in dict.fromkeys(wanted) if name in measured]
        wanted = wanted[-max(MOST - len(told), 2) :]
    else:
        wanted = measured[: max(MOST - len(told), 2)]
    first = told + [name for name in measured if name in wanted]
    notes += [sentence for name, sentence in EXPLAINED.items() if name in shown]
    explained = []
    if kind == "z" and (p := _stands_for("p_shown", shown)) in first:
        # Which p it is, is said once, so that its column is narrow.
        what = "Φ(Z), one-sided, as published" if p == "p" else named[p]
        same = len(set(shown.get("shuffles", []))) == 1
        explained.append(f"p: {what}{f', {shown.shuffles.iloc[0]} shuffles' if same else ''}.")
        named = {**named, p: "p"}
    if "effect" in first and "shuffled_within" in shown:
        explained.append(
            "Distance correlation: of rows that are shuffled within, what is beyond their shuffles."
        )
    rest = [name for name in shown if name not in first and name not in shared]
    others = [name for name in of if name in told] + rest if rest else []
    return (
        notes,
        explained,
        len(told),
        shown[first].rename(columns=named),
        shown[others].rename(columns=all_names),
    )


def _stands_for(name, shown):
    """The column that says `name` in the table of texts `shown`."""
    if name != "p_shown":
        return name
    # Published p-values are the normal distribution's, and are read beside measured ones of that kind.
    order = ("p",) if "source" in shown else P_VALUES
    return next((p for p in order if p in shown), "p")


def _follows(shown, name):
    """Whether what a row is of is known without the column `name`."""
    known = {"dataset": "experiment", "epsilon": "attack"}.get(name)
    if known not in shown or (shown[known] == "").any():
        return False
    return len(set(zip(shown[known], shown[name], strict=True))) == len(set(shown[known]))
