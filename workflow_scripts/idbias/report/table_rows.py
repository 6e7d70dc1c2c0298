"""Rows of tables: of the I_d test, of attacks, and rows of several files joined."""

from pathlib import Path

import numpy as np
import pandas as pd

from idbias import files
from idbias.errors import InputError


def row(names, pairs, dimensions, shuffles):
    """Return the rows of two sets in the correlation table, one for each way to shuffle them.

    `names`: dict of first columns; `pairs`, `dimensions`: files; `shuffles`: list of files, shards of
    one way after those of another. Columns that do not apply (a spiral has no attack) are missing.
    """
    # Here, because the figures that read shuffles by this module should not wait for scipy.stats.
    from idbias.correlation.caveats import caveats_of
    from idbias.correlation.dependence import numbers_of

    with files.opened(pairs) as file:
        about = dict(file.attrs)
        cosine = file["cosine"][()] if "cosine" in file else np.array([np.nan])
        points = len(file["index"])
    observed, _ = files.read(dimensions)
    counts = (
        "test_accuracy", "images", "attack_success", "essential_masks", "adversarial_masks",
    )  # fmt: skip
    found = []
    for within, paths in by_way(shuffles).items():
        shuffled = read_statistics(paths)
        columns = {
            **names,
            **{name: about.get(name) for name in counts},
            "pairs": points,
            "shuffled_within": within,
            "cosine_mean": np.nanmean(cosine) if np.isfinite(cosine).any() else None,
            "cosine_std": np.nanstd(cosine) if np.isfinite(cosine).any() else None,
            "r_squared": about.get("r_squared"),
            **numbers_of(observed, shuffled),
        }
        found.append({**columns, "warnings": caveats_of(columns)})
    return pd.DataFrame(found)


def by_way(shuffles):
    """Return what is shuffled within -> its shard files, in their order."""
    found = {}
    for path in shuffles:
        within = files.read(path, [])[1].get("within", "all")
        found.setdefault(within, []).append(path)
    return found


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
        found, _ = files.read(path, ["success", "linf", "l2"])
        success = found["success"]
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
                    f"median_{norm}": np.median(found[norm][success]) if success.any() else None
                    for norm in ("linf", "l2")
                },
            }
        )
    return pd.DataFrame(rows)


def read_shuffles(paths):
    """Return I_d of every replicate in shard files, float64 (R,), as `read_statistics`."""
    return read_statistics(paths)["intrinsic_dimension"]


def read_statistics(paths):
    """Return each statistic of every replicate in shard files, name -> float64 (R,), by number.

    Raises InputError unless they are the replicates 0 .. R-1, each once, of one seed and estimator.
    """
    shards, attributes = zip(*(files.read(path) for path in paths), strict=True)
    made = ("comparison", "seed", "estimator", "mu_fraction", "neighbours", "within")
    for path, shard, about in zip(paths, shards, attributes, strict=True):
        differ = any(about.get(name) != attributes[0].get(name) for name in made)
        if differ or shard.keys() != shards[0].keys():
            raise InputError(
                f"{path} was not made as {paths[0]} was (its {', '.join(made)} or statistics differ "
                "somewhere); delete the one that is out of date and run again."
            )
    joined = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0]}
    numbers = joined.pop("replicate")
    order = np.argsort(numbers, kind="stable")
    if not np.array_equal(numbers[order], np.arange(len(numbers))):
        raise InputError(
            f"the shuffles from {paths[0]} to {paths[-1]} are not replicates 0 to {len(numbers) - 1}, "
            "each once; delete them and run again."
        )
    return {name: values[order] for name, values in joined.items()}


def join(rows, published=None):
    """Return the rows of CSV files as one DataFrame; rows of `published` follow, so marked.

    Several rows of a test get p-values adjusted for their number beside them. Raises InputError if a file
    of `rows` is missing, empty, cut short or no CSV.
    """
    read = [read_rows(path) for path in rows]
    table = pd.concat([one for one in read if len(one)] or read[:1], ignore_index=True)
    for column in ("p", "p_permutation"):
        if column in table and len(table) > 1:
            table.insert(table.columns.get_loc(column) + 1, f"{column}_holm", holm(table[column]))
    if published:
        table.insert(0, "source", "measured")
        known = pd.read_csv(published)
        known.insert(0, "source", "published")
        table = pd.concat([table, known], ignore_index=True)
    return table.dropna(axis=1, how="all")


def read_rows(path):
    """Return the rows of a CSV file that a stage wrote, a DataFrame; see `join` for what is refused."""
    try:
        content = Path(path).read_bytes()
        table = pd.read_csv(path) if content.endswith(b"\n") else None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(
            f"{path} is not a readable CSV file ({error}); delete it and run again."
        ) from None
    if table is None:
        raise InputError(f"{path} is empty or cut short; delete it and run again.")
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
