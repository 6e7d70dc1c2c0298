"""The I_d test: is the intrinsic dimension of two joined sets lower than if they were independent?

Paper 1, section 3.2: join the two vectors of each point, estimate the intrinsic dimension I_d, do it
again with one set shuffled, and ask how far below the shuffled ones the observed I_d lies.

The joined squared distance is d^2(i, j) = d1^2(i, j) + d2^2(pi(i), pi(j)), so both distance matrices
are computed once (distances.py) and a replicate is gather, add and two smallest a row, whatever D.
dadapy estimates I_d from the two nearest distances; idbias only finds them.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.stats import norm

from idbias.errors import InputError
from idbias.neighbours import two_nearest

ESTIMATORS = ("base", "ml")
# dadapy's own fit fails beyond it: a zero distance is an infinite ratio, and it discards the top tenth.
MOST_COINCIDENT = 0.1


def intrinsic_dimension(
    first, second=None, permutation=None, estimator="base", mu_fraction=0.9, threads=1
):
    """Return I_d of one set, or of two joined sets, by TwoNN (Facco et al. 2017; dadapy does it).

    first, second: (N, N) squared distances, arrays or h5py datasets (read in blocks of rows).
    permutation: (N,) integers; point i of `first` is joined with point permutation[i] of `second`.
    None joins them as they are. estimator: "base" (linear fit, as published) or "ml".
    mu_fraction: share of the smallest ratios the linear fit uses (0.9 as published).
    Raises InputError for fewer than 3 points, unequal sizes, or too many coinciding points.
    """
    if second is None:
        return two_nn(nearest_of_one(first), estimator, mu_fraction)
    permutation = np.arange(len(first)) if permutation is None else permutation
    squared = nearest_of_joined(first, second, np.asarray(permutation)[None], threads)
    return two_nn(squared[0], estimator, mu_fraction)


def shuffled_dimensions(
    first, second, replicates, seed, estimator="base", mu_fraction=0.9, labels=None, threads=1
):
    """Return I_d of the joined sets for each shuffle in `replicates`, float64 (R,).

    replicates: integers, such as range(50). Replicate r shuffles by numpy's generator seeded with
    (seed, r) alone, so it is the same in whatever shard and beside whatever others it is computed.
    labels: (N,) classes; then points are shuffled within their class only, a stricter null.
    """
    count = len(first)
    out = np.empty(len(replicates))
    # Enough at once to share a pass over the files; few enough that (batch, N, 2) neighbours stay small.
    batch = max(1, 5_000_000 // count)
    for start in range(0, len(replicates), batch):
        numbers = replicates[start : start + batch]
        permutations = np.stack([shuffle(count, seed, r, labels) for r in numbers])
        squared = nearest_of_joined(first, second, permutations, threads)
        for k, one in enumerate(squared):
            out[start + k] = two_nn(one, estimator, mu_fraction)
    return out


def shuffle(count, seed, replicate, labels=None):
    """Return replicate's permutation of range(count), int32, within classes if `labels` are given."""
    generator = np.random.default_rng((seed, replicate))
    if labels is None:
        return generator.permutation(count).astype(np.int32)
    permutation = np.arange(count, dtype=np.int32)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        permutation[members] = generator.permutation(members)
    return permutation


def nearest_of_one(squared, rows=256):
    """Return (N, 2): each point's two smallest squared distances, its own zero left out."""
    check_sizes(squared, squared)
    out = np.empty((len(squared), 2))
    for start in range(0, len(squared), rows):
        values = np.array(squared[start : start + rows])
        values[np.arange(len(values)), np.arange(start, start + len(values))] = np.inf
        out[start : start + len(values)] = np.partition(values, 1, axis=1)[:, :2]
    return out


def nearest_of_joined(first, second, permutations, threads=1, memory=2**31):
    """Return (R, N, 2): smallest two squared distances of the joined points, for R permutations.

    Blocks of `first` of about `memory` bytes are held while all rows of `second` stream past once,
    so R replicates cost one read of `first` and (size of `first` / memory) reads of `second`.
    """
    check_sizes(first, second)
    count = len(first)
    permutations = np.asarray(permutations, np.int32)
    inverse = np.argsort(permutations, axis=1).astype(np.int32)
    dtype = np.result_type(first.dtype, second.dtype)
    out = np.empty((*permutations.shape, 2), dtype)
    held = max(1, memory // (count * dtype.itemsize))
    streamed = max(1, 2**27 // (count * dtype.itemsize))
    with ThreadPoolExecutor(threads) as pool:
        for top in range(0, count, held):
            a = np.asarray(first[top : top + held], dtype)
            for left in range(0, count, streamed):
                b = np.asarray(second[left : left + streamed], dtype)
                # Pairs sorted by the row of `second`: it stays in the processor's cache across replicates.
                points = inverse[:, left : left + len(b)].T
                partner, replicate = np.nonzero((points >= top) & (points < top + len(a)))
                point = points[partner, replicate]
                pieces = np.array_split(np.arange(len(point)), threads)
                list(
                    pool.map(
                        lambda p, a=a, b=b, top=top, replicate=replicate, partner=partner, point=point: (
                            two_nearest(
                                a,
                                b,
                                permutations,
                                replicate[p],
                                point[p] - top,
                                partner[p],
                                point[p],
                                out,
                            )
                        ),
                        pieces,
                    )
                )
    return out


def two_nn(squared, estimator="base", mu_fraction=0.9):
    """Return dadapy's TwoNN estimate from (N, 2) squared distances to the two nearest neighbours.

    Points that coincide with another (zero distance) have no ratio and are left out; if more than a
    tenth do, or fewer than 3 remain, InputError is raised. Ties (equal distances) stay: their ratio is 1.
    """
    from dadapy import Data

    if estimator not in ESTIMATORS:
        raise InputError(f"No estimator {estimator!r}; choose one of {', '.join(ESTIMATORS)}.")
    distances = np.sqrt(np.asarray(squared, np.float64))
    distances = distances[distances[:, 0] > 0]
    coincident = len(squared) - len(distances)
    if coincident > MOST_COINCIDENT * len(squared) or len(distances) < 3:
        raise InputError(
            f"{coincident} of {len(squared)} points coincide with another (zero distance), which leaves "
            "too few for an intrinsic dimension; remove the duplicates from both sets alike."
        )
    padded = np.column_stack([np.zeros(len(distances)), distances])
    if (distances[:, 0] == distances[:, 1]).all():
        raise InputError(
            "Every point's two nearest neighbours are equally far, so there is no ratio to fit; "
            "the intrinsic dimension of such a set (a grid, a one-hot code) is not defined."
        )
    data = Data(distances=(padded, np.zeros(padded.shape, int)), maxk=2, n_jobs=1)
    return float(data.compute_id_2NN(algorithm=estimator, mu_fraction=mu_fraction)[0])


def check_sizes(first, second):
    """Raise InputError unless both are square matrices of the same size, at least 3."""
    for matrix in (first, second):
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"Squared distances must be (N, N); one is {tuple(matrix.shape)}.")
    if len(first) != len(second):
        raise InputError(
            f"The two sets have {len(first)} and {len(second)} points; "
            "row i of both must be the same point, so give equally many."
        )
    if len(first) < 3:
        raise InputError(
            f"{len(first)} points are too few: the two nearest neighbours need at least 3."
        )


def z_test(observed, shuffled):
    """Return (mean, std, Z, p): paper 1's one-sided test that `observed` is below `shuffled` (R,).

    std has ddof 0 and p = Phi(Z), as published. Raises InputError if the shuffles do not vary.
    """
    mean, std = float(np.mean(shuffled)), float(np.std(shuffled))
    if len(shuffled) < 2 or std == 0:
        raise InputError(
            f"{len(shuffled)} shuffles with a spread of {std} allow no Z; take at least 2 (paper 1: 50)."
        )
    z = (observed - mean) / std
    return mean, std, z, float(norm.cdf(z))


def permutation_p(observed, shuffled):
    """Return (p, resolution): (1 + #{shuffled <= observed}) / (1 + R), and 1 / (1 + R), its smallest.

    Exact for any N and R if the sets are independent (Phipson and Smyth 2010), unlike p = Phi(Z).
    """
    resolution = 1 / (1 + len(shuffled))
    return float((1 + np.sum(np.asarray(shuffled) <= observed)) * resolution), resolution


def id_correlation(first, second, joined):
    """Return (d1 + d2 - d12) / max(d1, d2): 0 for independent sets, 1 if one determines the other.

    Basile et al. 2025, "Intrinsic dimension correlation", with the I_d of each set and of both joined.
    """
    return (first + second - joined) / max(first, second)
