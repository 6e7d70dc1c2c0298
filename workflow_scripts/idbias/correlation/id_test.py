"""The I_d test: is the intrinsic dimension of two joined sets lower than if they were independent?

Paper 1, section 3.2: join the two vectors of each point, estimate the intrinsic dimension I_d, do
it again with one set shuffled, and ask how far below the shuffled I_d the observed one lies.

A joined squared distance is d1^2(i, j) + d2^2(pi(i), pi(j)). Both distance matrices are computed
once (distances.py); a replicate is then gather, add, and two smallest a row, whatever D is.
dadapy estimates I_d from the two nearest distances of each point; idbias only finds them.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.special import ndtr
from tqdm import tqdm

from idbias.correlation.neighbours import two_nearest
from idbias.errors import InputError
from idbias.progress import progress

ESTIMATORS = ("base", "ml")
# Beyond it dadapy's own fit fails: a zero distance is an infinite ratio, it drops the top tenth.
MOST_COINCIDENT = 0.1
# Of distance matrices in files, in memory at once: a block of the first, and one of the second.
HELD_BYTES = 2 * 2**30
STREAMED_BYTES = 2**27


def intrinsic_dimension(
    first, second=None, permutation=None, estimator="base", mu_fraction=0.9, threads=1
):
    """Return I_d of one set, or of two joined sets, by TwoNN (Facco et al. 2017), through dadapy.

    first, second: (N, N) squared distances; arrays, or h5py datasets, which are read in blocks.
    permutation: (N,) integers; point i of `first` joins point permutation[i] of `second`.
    None joins point i with point i.
    estimator: "base", the linear fit of the paper, or "ml", maximum likelihood.
    mu_fraction: share of the smallest ratios which "base" fits (the paper: 0.9).
    Raises InputError for fewer than 3 points, unequal sizes, or too many coinciding points.
    """
    if second is None:
        return two_nn(nearest(first), estimator, mu_fraction)
    order = np.arange(len(first)) if permutation is None else np.asarray(permutation)
    return two_nn(nearest_joined(first, second, order[None], threads)[0], estimator, mu_fraction)


def shuffled_dimensions(
    first, second, replicates, seed, estimator="base", mu_fraction=0.9, labels=None, threads=1,
    label=None,
):  # fmt: skip
    """Return I_d of the joined sets for each shuffle in `replicates`, float64 (R,).

    replicates: integers, such as range(50). Replicate r depends on (seed, r) alone: it is the same
    bit for bit in whatever shard, beside whatever others, on however many threads.
    labels: (N,) classes; points are then shuffled within their class only, a stricter null.
    label: names the progress shown on standard error; None shows none.
    The other arguments are those of `intrinsic_dimension`.
    """
    check_sizes(first, second)
    count = len(first)
    out = np.empty(len(replicates))
    # As many as share one pass over the files, while their neighbours (batch, N, 2) stay small.
    batch = max(1, 5_000_000 // count)
    for start in range(0, len(out), batch):
        part = slice(start, start + batch)
        orders = np.stack([shuffle(count, seed, r, labels) for r in replicates[part]])
        squared = nearest_joined(first, second, orders, threads, label=label)
        out[part] = [two_nn(one, estimator, mu_fraction) for one in squared]
    return out


def shuffle(count, seed, replicate, labels=None):
    """Return the permutation (count,) of replicate number `replicate`, within classes if labelled.

    It comes from numpy's default generator seeded with the pair (seed, replicate).
    """
    generator = np.random.default_rng((seed, replicate))
    if labels is None:
        return generator.permutation(count)
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise InputError(f"{count} points need {count} labels; their shape is {labels.shape}.")
    order = np.arange(count)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order[members] = generator.permutation(members)
    return order


def nearest(squared, rows=256):
    """Return (N, 2): the two smallest of each row of `squared` (N, N), its diagonal left out."""
    check_sizes(squared, squared)
    out = np.empty((len(squared), 2), squared.dtype)
    for start in range(0, len(squared), rows):
        values = np.array(squared[start : start + rows])
        within = np.arange(len(values))
        values[within, start + within] = np.inf
        out[start : start + rows] = np.partition(values, 1, axis=1)[:, :2]
    return out


def nearest_joined(first, second, orders, threads=1, held_bytes=HELD_BYTES, label=None):
    """Return (R, N, 2): the two smallest squared distances of each point, joined by R permutations.

    first, second: (N, N) squared distances, arrays or h5py datasets. orders: (R, N) integers.
    Files are read in blocks of rows: about `held_bytes` of `first` stay while `second` streams past
    once, so R permutations cost one read of `first`, and one of `second` for each of its blocks.
    Each pair of smallest comes from two whole rows, so neither blocks nor threads can change it.
    Raises InputError if the sets differ in size or `orders` are no permutations.
    """
    check_sizes(first, second)
    dtype = np.result_type(first.dtype, second.dtype)
    inverse = np.argsort(orders, axis=1)
    if (
        orders.shape[1:] != (len(first),)
        or (np.take_along_axis(orders, inverse, axis=1) != np.arange(len(first))).any()
    ):
        raise InputError(f"A permutation must hold each of 0 to {len(first) - 1} once.")
    orders, inverse = (np.ascontiguousarray(z, np.uint32) for z in (orders, inverse))
    out = np.empty((*orders.shape, 2), dtype)

    def work(a, b, top, replicate, partner, point):
        two_nearest(a, b, orders, replicate, point - top, partner, point, out)

    shown = {"total": inverse.size, "unit": "point", "label": label}
    with (
        progress(**shown) if label else tqdm(disable=True) as bar,
        ThreadPoolExecutor(threads) as pool,
    ):
        for top, a in blocks(first, dtype, held_bytes):
            for left, b in blocks(second, dtype, STREAMED_BYTES):
                # In the order of partners: a row of `second` serves all replicates from the cache.
                points = inverse[:, left : left + len(b)].T
                partner, replicate = np.nonzero((points >= top) & (points < top + len(a)))
                pairs = replicate, partner, points[partner, replicate].astype(np.int64)
                pieces = zip(*(np.array_split(part, threads) for part in pairs), strict=True)
                list(pool.map(lambda piece, a=a, b=b, top=top: work(a, b, top, *piece), pieces))
                bar.update(len(replicate))
    return out


def blocks(matrix, dtype, size):
    """Yield (first row, rows) of `matrix` (N, N) in blocks of about `size` bytes; an array at once.

    Each block of a file lies in the same memory as the one before.
    """
    if isinstance(matrix, np.ndarray):
        yield 0, np.ascontiguousarray(matrix, dtype)
        return
    count = len(matrix)
    rows = max(1, size // (count * dtype.itemsize))
    if matrix.chunks:
        rows = max(1, rows // matrix.chunks[0]) * matrix.chunks[0]
    rows = min(rows, count)
    buffer = np.empty((rows, count), dtype)
    for start in range(0, count, rows):
        stop = min(start + rows, count)
        matrix.read_direct(buffer, np.s_[start:stop], np.s_[: stop - start])
        yield start, buffer[: stop - start]


def two_nn(squared, estimator="base", mu_fraction=0.9):
    """Return dadapy's TwoNN estimate from the two smallest squared distances of each point (N, 2).

    Points that coincide with another (zero distance) have no ratio and are left out; it is an
    InputError if more than a tenth do, or fewer than 3 points remain. Ties stay: their ratio is 1.
    """
    # Here, because dadapy takes seconds to import, which a job that reads no neighbours can save.
    from dadapy import Data

    if estimator not in ESTIMATORS:
        raise InputError(f"No estimator {estimator!r}: choose from {', '.join(ESTIMATORS)}.")
    if not 0 < mu_fraction < 1:
        raise InputError(
            f"mu_fraction is {mu_fraction}; it must lie between 0 and 1 (the paper: 0.9). To use every "
            "ratio, choose the estimator ml."
        )
    distances = np.sqrt(np.asarray(squared, np.float64))
    apart = distances[distances[:, 0] > 0]
    coincident = len(distances) - len(apart)
    if len(apart) < 3 or coincident > MOST_COINCIDENT * len(distances):
        raise InputError(
            f"{coincident} of {len(distances)} points coincide with another (zero distance); at most "
            f"{MOST_COINCIDENT:.0%} may, and 3 must remain: remove duplicates from both sets alike."
        )
    ratios = apart[:, 1] / apart[:, 0]
    used = int(len(ratios) * mu_fraction) if estimator == "base" else len(ratios)
    if used == 0 or np.partition(ratios, used - 1)[used - 1] == 1:
        raise InputError(
            f"The {used} smallest ratios of second to first neighbour distance, which {estimator} "
            "fits, are all 1 (ties, as on a grid): such points have no TwoNN dimension."
        )
    table = np.column_stack([np.zeros(len(apart)), apart])
    data = Data(distances=(table, np.zeros(table.shape, int)), maxk=2, n_jobs=1)
    return float(data.compute_id_2NN(algorithm=estimator, mu_fraction=mu_fraction)[0])


def check_sizes(first, second):
    """Raise InputError unless both are (N, N) of the same N, at least 3."""
    for matrix in (first, second):
        if len(matrix.shape) != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"Squared distances must be (N, N), not {tuple(matrix.shape)}.")
    if len(first) != len(second):
        raise InputError(
            f"The sets have {len(first)} and {len(second)} points; row i of both must describe the "
            "same point: give as many rows in both."
        )
    if len(first) < 3:
        raise InputError(
            f"{len(first)} points are too few: two nearest neighbours need at least 3 points."
        )


def z_test(observed, shuffled):
    """Return (mean, std, Z, p) of paper 1's one-sided test that `observed` is below `shuffled` (R,).

    std has ddof 0, Z = (observed - mean) / std, p = Phi(Z), as published.
    Raises InputError if the shuffled values do not spread.
    """
    mean, std = float(np.mean(shuffled)), float(np.std(shuffled))
    if not std > 0:
        raise InputError(
            f"{len(shuffled)} shuffles spread by {std}, which allows no Z: take at least 2 "
            "(the paper: 50), of sets that do vary."
        )
    z = (observed - mean) / std
    return mean, std, z, float(ndtr(z))


def permutation_p(observed, shuffled):
    """Return (p, resolution): (1 + #{shuffled <= observed}) / (1 + R), and its least, 1 / (1 + R).

    Under independence p <= x has a probability of at most x, for any N and R, with no normality
    assumed (Phipson and Smyth 2010, "Permutation p-values should never be zero").
    """
    resolution = 1 / (1 + len(shuffled))
    return float((1 + np.sum(np.asarray(shuffled) <= observed)) * resolution), resolution


def id_correlation(first, second, joined):
    """Return (d1 + d2 - d12) / max(d1, d2) from I_d of each set and of both joined.

    About 0 for independent sets, 1 if one set determines the other. Basile et al., ICLR 2025,
    "Intrinsic Dimension Correlation: uncovering nonlinear connections in multimodal
    representations", equation 3.
    """
    return (first + second - joined) / max(first, second)


def summary(first, second, joined, shuffled):
    """Return the test's numbers as a dict, from I_d of each set, of both joined, and shuffled (R,).

    `first` or `second` may be NaN where one set alone has no I_d.
    """
    mean, std, z, p = z_test(joined, shuffled)
    p_permutation, resolution = permutation_p(joined, shuffled)
    return {
        "id_first": first,
        "id_second": second,
        "id": joined,
        "id_shuffled_mean": mean,
        "id_shuffled_std": std,
        "shuffles": len(shuffled),
        "z": z,
        "p": p,
        "p_permutation": p_permutation,
        "p_permutation_resolution": resolution,
        "id_correlation": id_correlation(first, second, joined),
    }
