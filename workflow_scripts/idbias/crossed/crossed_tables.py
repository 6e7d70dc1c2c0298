"""The table of crossed trainings: a row for each attack and what essential masks are set against."""

import math
from itertools import chain

import numpy as np
import pandas as pd

from idbias.crossed.measured import LEAST, SETS, read
from idbias.crossed.permutations import relabellings
from idbias.crossed.statistics import in_units_of_rho, statistics
from idbias.crossed.vectors import PERTURBATIONS
from idbias.report.answers_crossed import LESS, TOO_FEW
from idbias.report.rounding import LEVEL
from idbias.report.table_rows import holm

# Which of SETS has the ceiling.
CEILING = "noise"
# Why one of SETS is not there, and how to have it.
NOT_MADE = {
    "adversarial masks": "no adversarial masks were trained: add masks to the experiment's analyses",
    "noise": "no masks of noise were trained: add noise to the experiment's controls",
    "clean image": "no masks of clean images were trained: add clean_image to the experiment's controls",
}
ORDER = (
    "of", "networks", "images", "bands", "rho", "low", "high", "p", "p_holm", "network_means",
    "network_means_p", "interaction", "interaction_p", "ceiling", "share_of_ceiling", "verdict", "reason",
)  # fmt: skip


def table(names, paths, seeds, margins):
    """Return the table of several attacks, a DataFrame.

    names: first columns of each attack's rows, dicts; paths: files of `measured.measure`; seeds: of the
    relabellings that are drawn; margins: the share of the ceiling below which a tie counts as none. Columns:
    those of names, and ORDER. p_holm: over the attacks on the same trainings. What could not be measured
    has a reason in place of numbers.
    """
    parts = [
        pd.DataFrame(rows(path, seed)).assign(**name, margin=margin)
        for name, path, seed, margin in zip(names, paths, seeds, margins, strict=True)
    ]
    rows_of_attacks = pd.concat(parts, ignore_index=True).reindex(
        columns=[*dict.fromkeys(chain(*names)), *ORDER, "margin"]
    )
    rows_of_attacks = rows_of_attacks.astype({"networks": "Int64", "images": "Int64"})
    of_one_question = rows_of_attacks.groupby(["experiment", "classifier", "of"], sort=False)
    rows_of_attacks["p_holm"] = of_one_question["p"].transform(
        lambda ps: holm(ps.to_numpy(np.float64))
    )
    rows_of_attacks["attacks"] = of_one_question["p"].transform("count")
    tie = rows_of_attacks["rho"].where(rows_of_attacks["rho"] >= 0)
    rows_of_attacks["share_of_ceiling"] = tie / rows_of_attacks["ceiling"]
    rows_of_attacks["verdict"] = [verdict(row) for _, row in rows_of_attacks.iterrows()]
    return rows_of_attacks.drop(columns=["margin", "attacks"])


def rows(path, seed):
    """Return the rows of one attack, a list of dicts, one for each of SETS."""
    grams, images, trainings, bands = read(path)
    labels = relabellings(trainings, seed)
    rows_of_sets = []
    for of in SETS:
        row = {"of": of, "networks": trainings, "images": images.get(of), "bands": bands}
        if of not in images:
            row["reason"] = NOT_MADE[of]
        elif images[of] < LEAST:
            row["reason"] = (
                f"{images[of]} images are common to all {trainings} trainings, {LEAST} are needed: take more "
                "images, or a stronger attack"
            )
        else:
            row |= statistics(grams[of][bands], labels)
            if not np.isfinite(row["low"]):
                which = (
                    "all trainings have"
                    if not np.isfinite(row["rho"])
                    else "all but one training have"
                )
                row = {name: row[name] for name in ("of", "networks", "images", "bands")}
                row["reason"] = f"{which} the same vectors: train them from different seeds"
        rows_of_sets.append(row)
    (ceiling,) = (row for row in rows_of_sets if row["of"] == CEILING)
    if ceiling.get("low", 0) > 0:
        for row in rows_of_sets:
            row["ceiling"] = ceiling["rho"]
    return rows_of_sets


def verdict(row):
    """Return what a row says, in words; "" if it was not measured.

    tied: p_holm is at most LEVEL, which K trainings allow only if the number of attacks on them / K! is
    too. A row is equivalent to none where its interval lies within its margin, a
    share of the ceiling, on both sides; tied and equivalent are no contradiction: a tie that is there and small.
    An interval below 0 says that own goes with own less than with others.
    """
    if not np.isfinite(row["rho"]):
        return ""
    reach = row["margin"] * row["ceiling"]
    small = np.isfinite(reach) and -reach <= row["low"] and row["high"] <= reach
    below = f"at most {100 * row['margin']:.3g}% of the ceiling"
    if row["p_holm"] <= LEVEL:
        return f"tied, {below}" if small else "tied"
    if small:
        return f"no tie shown, {below}"
    if row["high"] < 0:
        return LESS
    return TOO_FEW if row["attacks"] / math.factorial(row["networks"]) > LEVEL else "undecided"


def curve(path, seed):
    """Return rho at every resolution of one attack, a DataFrame: of, bands, rho, low, high, p.

    The primary bands first, then a grid's by n, then the rings; without what could not be measured.
    """
    grams, images, trainings, primary = read(path)

    def order(bands):
        return bands != primary, not bands.isdigit(), len(bands), bands

    labels = relabellings(trainings, seed)
    points = [
        {"of": of, "bands": bands, **statistics(grams[of][bands], labels)}
        for of in SETS
        if images.get(of, 0) >= LEAST
        for bands in sorted(grams[of], key=order)
    ]
    columns = ["of", "bands", "rho", "low", "high", "p"]
    return pd.DataFrame(points, columns=columns).dropna(subset="rho")


def own_and_others(path, labels):
    """Return the K by K table of one attack in long form, a DataFrame: masks_of, attacks_on, value.

    labels: K texts, of the trainings. The mean of own values is rho at the primary resolution. Without rows
    where it could not be measured.
    """
    grams, images, _, bands = read(path)
    columns = ["masks_of", "attacks_on", "value"]
    if images[PERTURBATIONS] < LEAST:
        return pd.DataFrame(columns=columns)
    values = in_units_of_rho(grams[PERTURBATIONS][bands])
    return pd.DataFrame(
        [
            (masks_of, attacks_on, values[k, m])
            for k, masks_of in enumerate(labels)
            for m, attacks_on in enumerate(labels)
        ],
        columns=columns,
    ).dropna()
