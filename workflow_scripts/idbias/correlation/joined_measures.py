"""One pass over two matrices of squared distances, for many permutations at once.

A joined squared distance is d1^2(i, j) + d2^2(pi(i), pi(j)). What is measured of the joined points
(two nearest neighbours, sums of logarithms, products for the baselines) is a *measure*: an object
that prepares blocks of rows and works on pairs of rows, so that one pass serves all of them. It has

    out            what it measures, (R, N, ...)
    share          of the memory for blocks of the first set, what it leaves for the block itself
    prepare(top, a, left, b, pool)
                   a, b: rows of squared distances of the first set from number `top` on, (n, N), and of the
                   second from `left` on, (m, N); pool: an executor for its work on them
    work(replicate, partner, point)
                   int (P,) each: in this replicate this point of the first set, a row of `a`, is joined to
                   this partner in the second, a row of `b`; fills their `out`
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from idbias.correlation.kernels_numba import log_sums, two_nearest
from idbias.errors import InputError
from idbias.progress import progress

# Of distance matrices in files, in memory at once: a block of the first, and one of the second.
HELD_BYTES = 2 * 2**30
STREAMED_BYTES = 2**27


class TwoNearest:
    """Measure: the two smallest squared distances of each point, `out` (R, N, 2)."""

    # Share of `held_bytes` that blocks of the first set may take beside what a measure makes of them.
    share = 1

    def __init__(self, orders, first, second):
        self.orders = np.ascontiguousarray(orders, np.uint32)
        self.kept = distinct(originals(first), originals(second), orders)
        self.out = np.empty((*orders.shape, 2), np.result_type(first.dtype, second.dtype))

    def prepare(self, top, a, left, b, pool):
        self.top, self.a, self.b = top, a, b

    def work(self, replicate, partner, point):
        rows = replicate, point - self.top, partner, point
        two_nearest(self.a, self.b, self.orders, self.kept, *rows, self.out)


class LogSums(TwoNearest):
    """Measure: sum over j of log(r_k / r_j) of each point's k nearest, `out` (R, N)."""

    def __init__(self, orders, first, second, neighbours):
        super().__init__(orders, first, second)
        self.neighbours = neighbours
        self.out = np.empty(orders.shape)

    def work(self, replicate, partner, point):
        rows = replicate, point - self.top, partner, point
        log_sums(self.a, self.b, self.orders, self.kept, *rows, self.neighbours, self.out)


def nearest_joined(first, second, orders, threads=1, held_bytes=HELD_BYTES):
    """Return (R, N, 2): the two smallest squared distances of each point, joined by R permutations.

    The arguments are those of `measure_joined`.
    """
    measure = TwoNearest(orders, first, second)
    measure_joined(first, second, orders, [measure], threads, held_bytes)
    return measure.out


def originals(squared):
    """Return int64 (N,): for each point the first one that is equal to it. squared (N, N): distances."""
    found = [
        (rows == 0).argmax(axis=1) for _, rows in blocks(squared, squared.dtype, STREAMED_BYTES)
    ]
    return np.concatenate(found)


def distinct(first, second, orders):
    """Return bool (R, N): whether a joined point is the first of its kind, so that equal ones count once.

    first, second: `originals` of the two sets; orders: (R, N) integers, as for `measure_joined`.
    Several equal points are one point to a dimension: as each other's neighbours they would have no ratio of
    distances, and as neighbours of a third they would give it two equal ones, a ratio of 1.
    """
    count = len(first)
    if any((each == np.arange(count)).all() for each in (first, second)):
        return np.ones(orders.shape, bool)
    kept = np.zeros(orders.shape, bool)
    for row, order in zip(kept, orders, strict=True):
        row[np.unique(first * count + second[order], return_index=True)[1]] = True
    return kept


def measure_joined(first, second, orders, measures, threads=1, held_bytes=HELD_BYTES, label=None):
    """Let each of `measures` see every point of two sets that are joined by R permutations.

    first, second: (N, N) squared distances, arrays or h5py datasets. orders: (R, N) integers.
    They are read in blocks of rows: about `held_bytes` of `first` stay while `second` streams past
    once, so R permutations cost one read of `first`, and one of `second` for each of its blocks.
    A point's measure comes from two whole rows, so neither blocks nor threads can change it.
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
    inverse = np.ascontiguousarray(inverse, np.uint32)

    def work(piece):
        for measure in measures:
            measure.work(*piece)

    shown = {"total": inverse.size, "unit": "point", "label": label}
    with (
        progress(**shown) if label else tqdm(disable=True) as bar,
        ThreadPoolExecutor(threads) as pool,
    ):
        for top, a in blocks(
            first, dtype, int(held_bytes * min(measure.share for measure in measures))
        ):
            for left, b in blocks(second, dtype, STREAMED_BYTES):
                for measure in measures:
                    measure.prepare(top, a, left, b, pool)
                # In the order of partners: a row of `second` serves all replicates from the cache.
                points = inverse[:, left : left + len(b)].T
                partner, replicate = np.nonzero((points >= top) & (points < top + len(a)))
                pairs = replicate, partner, points[partner, replicate].astype(np.int64)
                pieces = zip(*(np.array_split(part, threads) for part in pairs), strict=True)
                list(pool.map(work, pieces))
                bar.update(len(replicate))


def nearest(squared, neighbours=2):
    """Return (N, neighbours): the smallest of each row of `squared` (N, N), its diagonal left out.

    The first `neighbours` - 1 of a row are in no order where there are more than two. Equal points count once:
    the rows of all but the first are zeros.
    """
    check_sizes(squared, squared)
    kept = originals(squared) == np.arange(len(squared))
    out = np.empty((len(squared), neighbours), squared.dtype)
    for start in range(0, len(squared), 256):
        values = np.array(squared[start : start + 256])
        within = np.arange(len(values))
        values[within, start + within] = np.inf
        values[:, ~kept] = np.inf
        out[start : start + 256] = np.partition(values, neighbours - 1, axis=1)[:, :neighbours]
    out[~kept] = 0
    return out


def blocks(matrix, dtype, size):
    """Yield (first row, rows) of `matrix` (N, N) in blocks of about `size` bytes.

    Each block of a file lies in the same memory as the one before.
    """
    count = len(matrix)
    rows = max(1, size // (count * dtype.itemsize))
    if isinstance(matrix, np.ndarray):
        for start in range(0, count, rows):
            yield start, np.ascontiguousarray(matrix[start : start + rows], dtype)
        return
    if matrix.chunks:
        rows = max(1, rows // matrix.chunks[0]) * matrix.chunks[0]
    rows = min(rows, count)
    buffer = np.empty((rows, count), dtype)
    for start in range(0, count, rows):
        stop = min(start + rows, count)
        matrix.read_direct(buffer, np.s_[start:stop], np.s_[: stop - start])
        yield start, buffer[: stop - start]


def check_sizes(first, second, least=3):
    """Raise InputError unless both are (N, N) of the same N, at least `least`."""
    for matrix in (first, second):
        if len(matrix.shape) != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"Squared distances must be (N, N), not {tuple(matrix.shape)}.")
    if len(first) != len(second):
        raise InputError(
            f"The sets have {len(first)} and {len(second)} points; row i of both must describe the "
            "same point: give as many rows in both."
        )
    if len(first) < least:
        raise InputError(
            f"{len(first)} points are too few: two nearest neighbours need at least 3 points."
        )
