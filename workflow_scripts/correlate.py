"""The I_d test on any two arrays whose rows i describe the same point i.

    python workflow_scripts/correlate.py a.npy b.h5:/masks --shuffles 1000 --output row.csv

Arrays: .npy, .npz:name, .h5:/name, .csv; rows are points, further axes are flattened.
Prints I_d of each set, joined and shuffled, Z, both p-values, and other measures for comparison.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pandas as pd

from idbias.correlation import distances, id_test, similarity
from idbias.correlation.arrays import check_lengths, read_array
from idbias.errors import InputError
from idbias.report import tables

# Both distance matrices together; larger ones go through files in --scratch.
IN_MEMORY_BYTES = 4 * 2**30


def main(arguments=None):
    """Run the command with `arguments` (sys.argv's by default); return the exit code, 0 or 2."""
    options = parser().parse_args(arguments)
    try:
        row = correlate(options)
        if options.output:
            tables.write_csv(options.output, row)
    except InputError as error:
        print(f"correlate.py: {error}", file=sys.stderr)
        return 2
    for name, value in row.iloc[0].items():
        print(f"{name:26}{value:.6g}" if isinstance(value, float) else f"{name:26}{value}")
    return 0


def parser():
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", help="array of N points: .npy, .npz:name, .h5:/name or .csv")
    parser.add_argument("second", help="array of the same N points, shuffled by the test")
    parser.add_argument("--shuffles", type=int, default=50, help="replicates (paper 1: 50)")
    parser.add_argument("--seed", type=int, default=0, help="replicate r shuffles by (seed, r)")
    parser.add_argument("--estimator", choices=id_test.ESTIMATORS, default="base")
    parser.add_argument("--mu-fraction", type=float, default=0.9, help="ratios that base fits")
    parser.add_argument("--labels", help="array of N classes: shuffle only within a class")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--scratch", help="folder for distances too large for memory")
    parser.add_argument("--output", help="CSV file for the row, with all digits")
    return parser


def correlate(options):
    """Return the test's row, a DataFrame of one line, for the parsed command line."""
    if options.shuffles < 2:
        raise InputError(
            f"--shuffles {options.shuffles} allows no Z; give at least 2 (paper 1: 50)."
        )
    if options.threads < 1 or options.seed < 0:
        raise InputError("--threads must be at least 1, --seed at least 0.")
    first, second = read_array(options.first), read_array(options.second)
    labels = None if options.labels is None else np.ravel(read_array(options.labels)[()])
    arrays = {options.first: first, options.second: second, options.labels: labels}
    check_lengths({name: array for name, array in arrays.items() if array is not None})
    estimate = {"estimator": options.estimator, "mu_fraction": options.mu_fraction}
    with TemporaryDirectory(dir=options.scratch, prefix="correlate-") as folder:
        one = distance_matrix(first, options.first, Path(folder, "first.h5"), options)
        other = distance_matrix(second, options.second, Path(folder, "second.h5"), options)
        shared = {**estimate, "threads": options.threads}
        joined = id_test.intrinsic_dimension(one, other, **shared)
        shuffled = id_test.shuffled_dimensions(
            one,
            other,
            range(options.shuffles),
            options.seed,
            labels=labels,
            label="shuffles",
            **shared,
        )
        row = {
            "first": options.first,
            "second": options.second,
            "points": len(first),
            **id_test.summary(
                alone(one, options.first, estimate),
                alone(other, options.second, estimate),
                joined,
                shuffled,
            ),
            "distance_correlation": similarity.distance_correlation(one, other),
            "linear_cka": similarity.linear_cka(one, other),
        }
    if first.shape == second.shape:
        cosine = similarity.cosine_similarity(first[()], second[()])
        row |= {"cosine_mean": cosine.mean(), "cosine_std": cosine.std()}
    if first[0].size == second[0].size == 1:
        row["r_squared"] = similarity.r_squared(first[()], second[()])
    return pd.DataFrame([row])


def distance_matrix(vectors, name, path, options):
    """Return the squared distances of `vectors`: an array, or a dataset at `path` if too large."""
    shared = {"dtype": options.dtype, "threads": options.threads}
    try:
        if 2 * len(vectors) ** 2 * np.dtype(options.dtype).itemsize <= IN_MEMORY_BYTES:
            return distances.squared_distances(vectors, **shared)
        distances.write_squared_distances(vectors, path, label=f"distances of {name}", **shared)
        return h5py.File(path, "r")[distances.DATASET]
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def alone(matrix, name, estimate):
    """Return I_d of one set, or NaN with a note where it has none (a few classes, a grid)."""
    try:
        return id_test.intrinsic_dimension(matrix, **estimate)
    except InputError as error:
        print(f"correlate.py: no I_d of {name} alone: {error}", file=sys.stderr)
        return np.nan


if __name__ == "__main__":
    sys.exit(main())
