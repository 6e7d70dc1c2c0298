"""The I_d test on any two arrays whose rows i describe the same point i.

    python workflow_scripts/correlate.py a.npy b.h5:/masks --shuffles 1000 --output row.csv

Arrays: .npy, .npz:name, .h5:/name, .csv; rows are points, further axes are flattened.
Prints I_d of each set, joined and shuffled, Z, both p-values, and ordinary tests of dependence on the
same shuffles, for comparison.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pandas as pd

from idbias.correlation import dependence, distances, similarity
from idbias.correlation.arrays import check_lengths, check_numbers, read_array, read_labels
from idbias.correlation.caveats import caveats_of
from idbias.correlation.estimators import ALGORITHMS, LEAST, Estimator
from idbias.correlation.observed_statistics import observed_statistics
from idbias.correlation.preprocessing import METHODS, preprocessed
from idbias.correlation.row import numbers_of
from idbias.correlation.strata import strata
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
    parser.add_argument("--shuffles", type=int, default=999, help="replicates (paper 1: 50)")
    parser.add_argument("--seed", type=int, default=0, help="replicate r shuffles by (seed, r)")
    parser.add_argument("--preprocess", choices=METHODS, default="none",
                        help="mean 0 and deviation 1 of each coordinate, then unit length or not")  # fmt: skip
    parser.add_argument("--pool", type=int, default=1, help="max-pool the last two axes by so many")
    parser.add_argument("--estimator", choices=ALGORITHMS, default="base")
    parser.add_argument("--mu-fraction", type=float, default=0.9, help="ratios that base fits")
    parser.add_argument("--neighbours", type=int, default=100, help="that mle takes")
    parser.add_argument(
        "--svcca", action="store_true", help="SVCCA beyond 1,024 points or columns too"
    )
    parser.add_argument("--labels", help="array of N classes: shuffle only within a class")
    parser.add_argument("--sizes", help="array of N sizes (or N by K): shuffle only among points "
                        "alike in them, and in class")  # fmt: skip
    parser.add_argument("--stratum", type=int, default=5, help="points alike, at least")
    parser.add_argument("--no-baselines", action="store_true", help="the I_d test alone")
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
    if options.threads < 1 or options.seed < 0 or options.pool < 1:
        raise InputError("--threads and --pool must be at least 1, --seed at least 0.")
    check_places(options)
    first, second = read_array(options.first), read_array(options.second)
    labels = None if options.labels is None else read_labels(options.labels)
    sizes = None if options.sizes is None else read_array(options.sizes)[()]
    arrays = {options.first: first, options.second: second}
    arrays |= {options.labels: labels, options.sizes: sizes}
    check_lengths({name: array for name, array in arrays.items() if array is not None})
    for name in (options.first, options.second, options.sizes):
        if name is not None:
            check_numbers(arrays[name], name)
    if len(first) < LEAST:
        raise InputError(
            f"{options.first}: {len(first)} vectors are too few: two nearest neighbours need at least "
            f"{LEAST} points."
        )
    classes = labels
    if sizes is not None:
        labels = strata(sizes, labels, options.stratum)
    estimator = Estimator(options.estimator, options.mu_fraction, options.neighbours)
    vectors = [
        prepared(array, name, options)
        for array, name in ((first, options.first), (second, options.second))
    ]
    with TemporaryDirectory(dir=options.scratch, prefix="correlate-") as folder:
        one = distance_matrix(vectors[0], options.first, Path(folder, "first.h5"), options)
        other = distance_matrix(vectors[1], options.second, Path(folder, "second.h5"), options)
        baselines = not options.no_baselines
        observed, reasons = observed_statistics(
            one,
            other,
            vectors if baselines else None,
            estimator,
            threads=options.threads,
            seed=options.seed,
            with_svcca=options.svcca or "auto",
            labels=classes,
        )
        for which in reasons.keys() - {"joined"}:
            print(
                f"correlate.py: no I_d of {getattr(options, which)} alone: {reasons[which]}",
                file=sys.stderr,
            )
        shuffled = dependence.shuffled_statistics(
            one,
            other,
            range(options.shuffles),
            options.seed,
            estimator,
            labels,
            baselines,
            threads=options.threads,
            label="shuffles",
        )
    row = {
        "first": options.first,
        "second": options.second,
        "pairs": len(first),
        **numbers_of(observed, reasons, shuffled, "all" if labels is None else "strata"),
    }
    if first.shape == second.shape:
        cosine = similarity.cosine_similarity(first[()], second[()])
        row |= {"cosine_mean": cosine.mean(), "cosine_std": cosine.std()}
    if first[0].size == second[0].size == 1:
        row["r_squared"] = similarity.r_squared(first[()], second[()])
    row["caveats"] = caveats_of(row)
    return pd.DataFrame([row]).dropna(axis=1, how="all")


def check_places(options):
    """Raise InputError, before any work, if the row or the distances cannot be written."""
    if options.scratch and not Path(options.scratch).is_dir():
        raise InputError(
            f"--scratch {options.scratch} is no folder; make it, or leave --scratch out."
        )
    if not options.output:
        return
    output = Path(options.output)
    if output.is_dir():
        raise InputError(f"--output {output} is a folder; give the name of a CSV file in it.")
    if output.exists() and str(output) in (
        options.first,
        options.second,
        options.labels,
        options.sizes,
    ):
        raise InputError(f"--output {output} would overwrite what is read; give another name.")
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(
            f"--output {output} cannot be written: {folder} is no folder you may write to."
        )


def prepared(vectors, name, options):
    """Return `vectors` pooled and standardised as the options say."""
    try:
        return preprocessed(vectors, options.preprocess, options.pool)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def distance_matrix(vectors, name, path, options):
    """Return the squared distances of `vectors`: an array, or a dataset at `path` if too large."""
    shared = {"dtype": options.dtype, "threads": options.threads}
    try:
        if 2 * len(vectors) ** 2 * np.dtype(options.dtype).itemsize <= IN_MEMORY_BYTES:
            matrix = distances.squared_distances(vectors, **shared)
        else:
            distances.write_squared_distances(vectors, path, label=f"distances of {name}", **shared)
            matrix = h5py.File(path, "r")[distances.DATASET]
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    if not np.any(matrix[0]):
        raise InputError(
            f"{name}: all points coincide, so none has a nearest neighbour; give points that differ."
        )
    return matrix


if __name__ == "__main__":
    sys.exit(main())
