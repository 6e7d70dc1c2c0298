"""The compiled inner loops: two nearest neighbours of joined points, and distances term by term."""

import numba
import numpy as np


def compiled(function):
    """Compile `function` with numba, without Python's lock, keeping the machine code on disk.

    numba keeps it beside the source, else in the user's cache folder, or where NUMBA_CACHE_DIR says.
    If none can be written (a read-only container), each process compiles again: about a second.
    """
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)


@compiled
def two_nearest(first, second, orders, replicate, row, partner, point, out):
    """Find the squared distances to the two nearest neighbours of joined, shuffled points.

    Pair p is point `point[p]` of replicate `replicate[p]`. Its squared distance to point j is
    first[row[p], j] + second[partner[p], orders[replicate[p], j]].

    first (rows, N), second (rows, N): blocks of rows of two squared distance matrices, one dtype,
    in which the sum is taken. orders (R, N) uint32: the permutations.
    replicate, row, partner, point (P,): integers.
    out (R, N, 2): out[replicate[p], point[p]] gets the smallest and the second smallest over all j
    but point[p] itself.
    """
    # One plain loop on purpose: AVX-512 gathers, stretches of 8 to 256 and torch's gather and topk
    # were no faster or slower (benchmarks/correlation.py, docs/correlation.md).
    infinity = first.dtype.type(np.inf)
    for pair in range(replicate.size):
        a = first[row[pair]]
        b = second[partner[pair]]
        order = orders[replicate[pair]]
        itself = point[pair]
        nearest = infinity
        second_nearest = infinity
        for j in range(a.size):
            squared = a[j] + b[order[j]]
            if squared < second_nearest and j != itself:
                if squared < nearest:
                    second_nearest = nearest
                    nearest = squared
                else:
                    second_nearest = squared
        out[replicate[pair], itself, 0] = nearest
        out[replicate[pair], itself, 1] = second_nearest


@compiled
def sum_of_squares(x, y, rows, columns, out):
    """Set out[i, j] = sum((x[i] - y[j])^2), in float64, for each i, j of `rows`, `columns`.

    x (n, D), y (m, D): float32 or float64. out (n, m): float64.
    """
    for pair in range(rows.size):
        a = x[rows[pair]]
        b = y[columns[pair]]
        total = 0.0
        for k in range(a.size):
            difference = np.float64(a[k]) - np.float64(b[k])
            total += difference * difference
        out[rows[pair], columns[pair]] = total
