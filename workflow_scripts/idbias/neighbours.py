"""The compiled inner loop of the I_d test: gather, add, keep the two smallest."""

import numba
import numpy as np


def compiled(function):
    """Compile with numba, without Python's lock, keeping the machine code on disk where one can write.

    numba keeps it beside the source, else in the user's cache folder, else where NUMBA_CACHE_DIR says.
    Where none can be written (a container with neither), each process compiles anew: about a second.
    """
    # Contraction and reassociation stay off: only "there is no NaN" lets the minimum become one instruction.
    options = {"nogil": True, "fastmath": {"nnan", "nsz"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)


@compiled
def two_nearest(first, second, permutations, replicate, row, partner, point, out):
    """Squared distances to the two nearest neighbours of joined, shuffled points.

    Pair p asks for the point whose first half is `point[p]` in replicate `replicate[p]`. Its squared
    distance to point j is first[row[p], j] + second[partner[p], permutations[replicate[p], j]].

    first (rows, N), second (rows, N): blocks of rows of the two squared distance matrices, one dtype.
    permutations (R, N) int32. replicate, row, partner, point (P,) integers.
    out (R, N, 2): out[replicate[p], point[p]] gets the smallest and the second smallest, j = point[p]
    left out. The sum is taken in the dtype of the blocks.
    """
    width = 64
    count = first.shape[1]
    sums = np.empty(width, first.dtype)
    for pair in range(len(replicate)):
        a = first[row[pair]]
        b = second[partner[pair]]
        order = permutations[replicate[pair]]
        itself = point[pair]
        nearest = np.inf
        next_nearest = np.inf
        for start in range(0, count, width):
            stop = min(start + width, count)
            # The minimum of a stretch vectorises; the search inside it runs only where it can matter,
            # O(log N) times a row.
            smallest = first.dtype.type(np.inf)
            for k in range(stop - start):
                value = a[start + k] + b[order[start + k]]
                sums[k] = value
                smallest = min(smallest, value)
            if smallest < next_nearest:
                for k in range(stop - start):
                    value = sums[k]
                    if value < next_nearest and start + k != itself:
                        if value < nearest:
                            next_nearest = nearest
                            nearest = value
                        else:
                            next_nearest = value
        out[replicate[pair], itself, 0] = nearest
        out[replicate[pair], itself, 1] = next_nearest


@compiled
def direct(x, y, rows, columns, out):
    """Set out[i, j] = sum((x[i] - y[j])^2), in float64, for each i, j of `rows`, `columns`.

    x (n, D), y (m, D) float32 or float64; out (n, m) float64.
    """
    for pair in range(len(rows)):
        a = x[rows[pair]]
        b = y[columns[pair]]
        total = 0.0
        for k in range(len(a)):
            difference = np.float64(a[k]) - np.float64(b[k])
            total += difference * difference
        out[rows[pair], columns[pair]] = total
