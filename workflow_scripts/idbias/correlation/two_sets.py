"""The whole test on two arrays: distances, dimensions, shuffles, the row."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from idbias import hdf5
from idbias.correlation import dependence, distances, similarity
from idbias.correlation.caveats import caveats_of
from idbias.correlation.estimators import Estimator
from idbias.correlation.observed_statistics import observed_statistics
from idbias.correlation.preprocessing import preprocessed
from idbias.correlation.row import numbers_of
from idbias.correlation.strata import paired, strata
from idbias.errors import InputError

# Both distance matrices together; larger ones go through files in a folder of their own.
IN_MEMORY_BYTES = 4 * 2**30


def row_of_sets(
    first, second, *, names=("first", "second"), shuffles=999, seed=0, estimator=None,
    preprocess="none", pool=1, labels=None, sizes=None, stratum=5, baselines=True, svcca=False,
    dtype="float64", threads=1, scratch=None,
):  # fmt: skip
    """Return the row of the test of two sets, a DataFrame of one line (docs/outputs.md).

    first, second: real numbers (N, ...), row i of both the same point; arrays, or what is read when sliced.
    names: what they are called in the row and in messages. shuffles: replicates; seed: of their streams.
    estimator: an Estimator, TwoNN's if None. preprocess, pool: as in config.yaml. labels (N,): shuffle only
    within a class; sizes (N,) or (N, K): only among at least `stratum` points alike in them.
    baselines: ordinary tests of dependence too; svcca: that as well however large the sets are, otherwise only
    where it costs little (similarity.SVCCA_MOST). dtype: of the distances. scratch: folder for those
    that are too large for memory. Source: paper 1, sections 3.2 and 4.6.
    Raises InputError if the sets allow no distances.
    """
    cosine, classes = _cosine(first, second), labels
    given = {"labels": labels, "sizes": sizes}
    within = " and ".join(name for name, array in given.items() if array is not None) or "all"
    if sizes is not None:
        labels = strata(sizes, labels, stratum)
    estimator = estimator or Estimator()
    with TemporaryDirectory(dir=scratch, prefix="correlate-") as folder:
        vectors, matrices = [], []
        for array, name, file in zip(
            (first, second), names, ("first.h5", "second.h5"), strict=True
        ):
            try:
                vectors.append(preprocessed(array, preprocess, pool))
                matrices.append(_distances(vectors[-1], Path(folder, file), dtype, threads))
            except InputError as error:
                raise InputError(f"{name}: {error}") from None
        observed, reasons = observed_statistics(
            *matrices,
            vectors if baselines else None,
            estimator,
            threads=threads,
            seed=seed,
            with_svcca=svcca or "auto",
            labels=classes,
        )
        for which, name in zip(("first", "second"), names, strict=True):
            if which in reasons:
                print(f"idbias: no I_d of {name} by itself: {reasons[which]}", file=sys.stderr)
        shuffled = dependence.shuffled_statistics(
            *matrices,
            range(shuffles),
            seed,
            estimator,
            labels,
            baselines,
            threads=threads,
            label="shuffles",
        )
    row = {
        "first": names[0],
        "second": names[1],
        "pairs": len(first),
        "shuffled_within": within,
        **numbers_of(
            observed,
            reasons,
            shuffled,
            "all" if labels is None else "strata",
            **paired(labels),
        ),
    }
    row |= cosine
    if first[0].size == second[0].size == 1:
        row["r_squared"] = similarity.r_squared(first[()], second[()])
    row["caveats"] = caveats_of(row)
    return pd.DataFrame([row]).dropna(axis=1, how="all")


def _cosine(first, second):
    """Return mean and standard deviation of the cosine similarity of each pair, where sets are of one shape.

    Vectors of zeros have none, and are left out.
    """
    if first.shape != second.shape:
        return {}
    cosine = similarity.cosine_similarity(first, second)
    cosine = cosine[np.isfinite(cosine)]
    return {"cosine_mean": cosine.mean(), "cosine_std": cosine.std()} if len(cosine) else {}


def _distances(vectors, path, dtype, threads):
    """Return the squared distances of `vectors`: an array, or a dataset at `path` if too large."""
    shared = {"dtype": dtype, "threads": threads}
    if 2 * len(vectors) ** 2 * np.dtype(dtype).itemsize <= IN_MEMORY_BYTES:
        matrix = distances.squared_distances(vectors, **shared)
    else:
        distances.write_squared_distances(vectors, path, label="distances", **shared)
        matrix = hdf5.open_to_read(path)[distances.DATASET]
    if not np.any(matrix[0]):
        raise InputError(
            "all points coincide, so none has a nearest neighbour; give points that differ."
        )
    return matrix
