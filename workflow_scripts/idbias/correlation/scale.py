"""I_d against scale: is the estimate the same of all points and of ever smaller parts of them?

The fewer the points, the farther their neighbours, so parts of a set show it at a larger scale (block
analysis: Facco et al. 2017, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
information", Results, "Estimating a scale-dependent intrinsic dimension"). Where noise or too few points
decide who is a neighbour, I_d moves with the scale, and a single value says little.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from idbias.correlation.dependence import TWO_NN
from idbias.correlation.joined_measures import (
    STREAMED_BYTES,
    blocks,
    check_sizes,
    distinct,
    originals,
)
from idbias.correlation.kernels_numba import nearest_by_scale
from idbias.errors import InputError
from idbias.streams import generator

# Points in a part at least, and parts at most.
LEAST = 100
MOST_PARTS = 64
SETS = ("first", "second", "joined")


def dimensions_by_scale(first, second, seed, estimator=TWO_NN, threads=1):
    """Return I_d of two sets and of both joined, in 1, 2, 4, ... random parts, name -> array.

    first, second: (N, N) squared distances, arrays or h5py datasets, read once in blocks of rows. seed:
    which points share a part depends only on (seed, N). estimator: as for
    idbias.correlation.dependence.intrinsic_dimension; TwoNN "base" in place of "mle", whose neighbours do
    not fit into small parts.
    parts: int64 (S,), numbers of parts, of at least LEAST points each. first, second, joined: float64
    (S,), mean I_d of the parts; first_std, ...: their standard deviation (ddof 0). The list ends before
    a number of parts of which one has no I_d (too many coinciding points).
    """
    check_sizes(first, second)
    count = len(first)
    scales = 1 + max(0, int(np.log2(min(count / LEAST, MOST_PARTS))))
    ranks = generator("scale", seed, count).permutation(count)
    dtype = np.result_type(first.dtype, second.dtype)
    order = np.arange(count)
    firsts = originals(first), originals(second)
    kept = [each == order for each in firsts] + [distinct(*firsts, order[None])[0]]
    nearest = [np.empty((scales, count, 2), dtype) for _ in SETS]
    with ThreadPoolExecutor(threads) as pool:
        for top, a in blocks(first, dtype, STREAMED_BYTES):
            b = np.asarray(second[top : top + len(a)], dtype)
            work = zip((a, b, a + b), kept, nearest, strict=True)
            list(pool.map(lambda task: nearest_by_scale(task[0], top, ranks, *task[1:]), work))  # noqa: B023
    two_nn = TWO_NN if estimator.algorithm == "mle" else estimator
    by_scale = []
    for s in range(scales):
        members = [ranks % 2**s == part for part in range(2**s)]
        try:
            by_scale.append([[two_nn.dimension(near[s][m]) for m in members] for near in nearest])
        except InputError:
            break
    table = {"parts": 2 ** np.arange(len(by_scale))}
    for k, name in enumerate(SETS):
        table[name] = np.array([np.mean(dimensions[k]) for dimensions in by_scale])
        table[f"{name}_std"] = np.array([np.std(dimensions[k]) for dimensions in by_scale])
    return table
