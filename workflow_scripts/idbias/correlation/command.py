"""The I_d test on any two arrays whose rows i describe the same point i.

    idbias-correlate a.npy b.h5:/masks --shuffles 1000 --output row.csv

Arrays: .npy, .npz:name, .h5:/name, .csv; rows are points, further axes are flattened.
Prints I_d of each set, joined and shuffled, Z, both p-values, and ordinary tests of dependence on the
same shuffles, for comparison.
"""

import argparse
import os
import sys
from pathlib import Path

from idbias.correlation.arrays import check_lengths, check_numbers, read_array, read_labels
from idbias.correlation.estimators import ALGORITHMS, LEAST, Estimator
from idbias.correlation.preprocessing import METHODS
from idbias.correlation.two_sets import row_of_sets
from idbias.errors import InputError
from idbias.report import tables


def main(arguments=None):
    """Run the command with `arguments` (sys.argv's by default); return the exit code, 0 or 2."""
    options = parser().parse_args(arguments)
    try:
        row = correlate(options)
        if options.output:
            tables.write_csv(options.output, row)
    except InputError as error:
        print(f"idbias-correlate: {error}", file=sys.stderr)
        return 2
    for name, value in row.iloc[0].items():
        print(f"{name:26}{value:.6g}" if isinstance(value, float) else f"{name:26}{value}")
    return 0


def parser():
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="idbias-correlate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", help="array of N points: .npy, .npz:name, .h5:/name or .csv")
    parser.add_argument("second", help="array of the same N points, shuffled by the test")
    parser.add_argument("--shuffles", type=int, default=999, help="replicates (paper 1: 50)")
    parser.add_argument("--seed", type=int, default=0, help="replicate r shuffles by (seed, r)")
    parser.add_argument("--preprocess", choices=METHODS, default="none",
                        help="mean 0 and deviation 1 of each coordinate, then unit length or not")  # fmt: skip
    parser.add_argument(
        "--pool", type=int, default=1, help="side of the squares that are max-pooled"
    )
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
    parser.add_argument("--no-baselines", action="store_true", help="only the I_d test")
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
    return row_of_sets(
        first,
        second,
        names=(options.first, options.second),
        shuffles=options.shuffles,
        seed=options.seed,
        estimator=Estimator(options.estimator, options.mu_fraction, options.neighbours),
        preprocess=options.preprocess,
        pool=options.pool,
        labels=labels,
        sizes=sizes,
        stratum=options.stratum,
        baselines=not options.no_baselines,
        svcca=options.svcca,
        dtype=options.dtype,
        threads=options.threads,
        scratch=options.scratch,
    )


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


if __name__ == "__main__":
    sys.exit(main())
