"""The row of two sets in the correlation table, from the files of its stages."""

import numpy as np
import pandas as pd

from idbias import files
from idbias.correlation.caveats import DEGENERATE_ENTRIES, caveats_of
from idbias.correlation.decodability import NAMES as DECODED
from idbias.correlation.shuffle_files import by_way, how_paired, read_statistics
from idbias.correlation.significance import dimension_test, effects
from idbias.shards import makers

# Attributes of a pairs file that the row repeats.
COUNTS = ("test_accuracy", "images", "attack_success", "essential_masks", "adversarial_masks")


def rows(names, pairs, dimensions, shuffles):
    """Return the rows of two sets in the correlation table, one for each way to shuffle them.

    `names`: dict of first columns; `pairs`, `dimensions`: files; `shuffles`: list of files, shards of
    one way after those of another. Columns that do not apply (a spiral has no attack) are missing.
    """
    about = of_pairs(pairs)
    made_on = makers(files.read(pairs, [])[1])
    observed, attributes = files.read(dimensions)
    reasons = {
        name.removeprefix("reason_"): attributes[name]
        for name in attributes
        if name.startswith("reason_")
    }
    table = []
    for within, paths in by_way(shuffles).items():
        numbers = numbers_of(
            observed, reasons, read_statistics(paths), within, **how_paired(paths[0])
        )
        columns = {**names, **about, "shuffled_within": within, **numbers}
        columns["caveats"] = caveats_of(columns, made_on)
        columns["reason"] = columns.pop("reason", None)
        table.append(columns)
    return pd.DataFrame(table)


def numbers_of(observed, reasons, shuffled, within="all", pairings=np.inf, share_in_place=0.0):
    """Return all numbers of a row, name -> number, and its `reason` if there is no I_d test.

    observed, reasons: as idbias.correlation.observed_statistics.observed_statistics returns; shuffled:
    as idbias.correlation.dependence.shuffled_statistics; within: what was shuffled among each other; pairings,
    share_in_place: of its shuffles (strata.py).
    """
    three = (float(observed.get(name, np.nan)) for name in ("first", "second", "joined"))
    numbers = {
        name: int(observed[name])
        for name in ("coincident", "coincident_first", "coincident_second")
        if name in observed
    }
    numbers |= dimension_test(*three, shuffled["intrinsic_dimension"], within, pairings)
    if "joined" in reasons:
        numbers["reason"] = reasons["joined"]
    numbers |= effects(observed, shuffled, within, share_in_place)
    numbers["share_in_place"] = share_in_place or None
    by_scale = observed.get("scale/joined", ())
    return numbers | {
        "id_of_half_ratio": by_scale[1] / by_scale[0] if len(by_scale) > 1 else None,
        "svcca": observed.get("svcca") if within == "all" else None,
        **{name: observed.get(name) for name in DECODED},
        "scale_ratio": observed.get("scale_ratio"),
    }


def of_pairs(path):
    """Return what a pairs file says of itself, column -> number or text."""
    with files.opened(path) as file:
        about = dict(file.attrs)
        columns = {name: about.get(name) for name in COUNTS}
        columns["pairs"] = len(file["index"])
        cosine = file["cosine"][()] if "cosine" in file else np.array([])
        cosine = cosine[np.isfinite(cosine)]
        columns["cosine_mean"] = cosine.mean() if len(cosine) else None
        columns["cosine_std"] = cosine.std() if len(cosine) else None
        columns["r_squared"] = about.get("r_squared")
        for which in ("first", "second"):
            if f"{which}_entries" in file:
                labels = file["label"][()][file[f"{which}_entries"][()] <= DEGENERATE_ENTRIES]
                columns[f"degenerate_{which}"] = len(labels)
                columns[f"degenerate_{which}_by_class"] = by_class(labels)
    return columns


def by_class(labels):
    """Return how often each class is in `labels` (N,), as text: "3: 9, 5: 2", or None."""
    classes, counts = np.unique(labels, return_counts=True)
    return (
        ", ".join(f"{name}: {count}" for name, count in zip(classes, counts, strict=True)) or None
    )
