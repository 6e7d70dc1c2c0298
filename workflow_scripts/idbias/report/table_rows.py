"""Rows of tables: of attacks, and rows of several files joined."""

from pathlib import Path

import numpy as np
import pandas as pd

from idbias import files
from idbias.config import layout
from idbias.errors import InputError
from idbias.report.answers import QUESTION


def attacks(names, predictions, attacked):
    """Return what each attack did, a DataFrame with a row for each.

    names: dicts of its first columns (experiment, dataset, classifier, attack, epsilon, images);
    predictions, attacked: files of those stages, in the same order. Further columns: test_accuracy,
    correct (images classified correctly, the ones that were attacked), succeeded, attack_success (their
    share), timed_out (images that Brendel-Bethge's time limit ended; missing of other attacks), failed
    (images that the attack gave no answer for), and median_linf and median_l2 of the successful
    perturbations, in units of the pixel range.
    """
    rows = []
    for name, predicted, path in zip(names, predictions, attacked, strict=True):
        about = files.read(predicted, [])[1]
        perturbations, _ = files.read(path, ["success", "linf", "l2"])
        success = perturbations["success"]
        with files.opened(path) as file:
            timed_out, failed = (
                file[key][()].sum() if key in file else None for key in ("timed_out", "failed")
            )
        rows.append(
            {
                **name,
                "test_accuracy": about["test_accuracy"],
                "correct": len(success),
                "succeeded": success.sum(),
                "attack_success": success.mean() if len(success) else None,
                "timed_out": timed_out,
                "failed": failed,
                **{
                    f"median_{norm}": np.median(perturbations[norm][success])
                    if success.any()
                    else None
                    for norm in ("linf", "l2")
                },
            }
        )
    return pd.DataFrame(rows)


def join(rows, published=None):
    """Return the rows of CSV files as one DataFrame; rows of `published` follow, so marked.

    Adjusted p-values stand beside them (`with_holm`). Raises InputError if a file of `rows` is missing, empty,
    cut short or no CSV.
    """
    read = [read_rows(path) for path in rows]
    table = pd.concat([part for part in read if len(part)] or read[:1], ignore_index=True)
    table = with_holm(table)
    if published:
        table.insert(0, "source", "measured")
        known = pd.read_csv(published)
        known.insert(0, "source", "published")
        table = pd.concat([table, known], ignore_index=True)
    return table.dropna(axis=1, how="all")


def with_holm(table, columns=("p", "p_permutation", "p_two_sided"), question=QUESTION):
    """Return a table of rows with the p-values of `columns` adjusted for the rows that ask one question.

    question: columns whose values such rows share. NAME_holm stands behind each column NAME that there is.
    """
    table, by = table.copy(), [name for name in question if name in table]
    for column in columns:
        if column in table:
            grouped = table.groupby(by, dropna=False)[column] if by else table[column]
            table.insert(
                table.columns.get_loc(column) + 1, f"{column}_holm", grouped.transform(holm)
            )
    return table


def mean_and_std(grouped, name, seeds, suffix=""):
    """Return columns of a table over seeds: NAME + suffix, NAME_std (ddof 1) and NAME_seeds, name -> Series.

    grouped: groups of rows, one a seed; seeds: their numbers. NAME_seeds: how many have a value, where not all do.
    """
    counts = grouped[name].count()
    return {
        f"{name}{suffix}": grouped[name].mean(),
        f"{name}_std": grouped[name].std(ddof=1),
        f"{name}_seeds": counts.where(counts < seeds),
    }


def read_rows(path):
    """Return the rows of a CSV file that a stage wrote, a DataFrame; see `join` for what is refused."""
    try:
        content = Path(path).read_bytes()
        table = pd.read_csv(path) if content.endswith(b"\n") else None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(
            f"{path} is not a readable CSV file ({error}); delete it and run again."
        ) from None
    of_row = Path(path).name == Path(layout.ROW).name
    if table is None or (of_row and table.empty):
        raise InputError(f"{path} is empty or cut short; delete it and run again.")
    parts = Path(path).parts
    if of_row and "results" in parts and "experiment" in table:
        made_for = set(table["experiment"]) - {parts[parts.index("results") + 1]}
        if made_for:
            raise InputError(
                f"{path} was made for the experiment {made_for.pop()}: it was moved here; delete it and run again."
            )
    return table


def holm(ps):
    """Return p-values (M,) adjusted for their number; a missing one stays missing and does not count.

    The i-th smallest is multiplied by M - i + 1, and is no smaller than one before it, nor above 1:
    at or below a level in any of M true nulls no more often than that level says (Holm 1979, "A
    simple sequentially rejective multiple test procedure").
    """
    ps = np.asarray(ps, np.float64)
    order = np.argsort(ps)[: np.isfinite(ps).sum()]
    steps = ps[order] * np.arange(len(order), 0, -1)
    out = np.full(len(ps), np.nan)
    out[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return out
