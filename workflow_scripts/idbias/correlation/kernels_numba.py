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
def two_nearest(first, second, orders, kept, replicate, row, partner, point, out):
    """Find the squared distances to the two nearest neighbours of joined, shuffled points.

    Pair p is point `point[p]` of replicate `replicate[p]`. Its squared distance to point j is
    first[row[p], j] + second[partner[p], orders[replicate[p], j]].

    first (rows, N), second (rows, N): blocks of rows of two squared distance matrices, one dtype,
    in which the sum is taken. orders (R, N) uint32: the permutations. kept (R, N) bool: points that are
    the first of their kind (joined_measures.distinct). replicate, row, partner, point (P,): integers.
    out (R, N, 2): out[replicate[p], point[p]] gets the smallest and the second smallest over all j
    that are kept, but point[p] itself; zeros where point[p] is not kept.
    """
    # One plain loop on purpose: AVX-512 gathers, stretches of 8 to 256 and torch's gather and topk
    # were no faster or slower (benchmarks/correlation.py).
    infinity = first.dtype.type(np.inf)
    for pair in range(replicate.size):
        a = first[row[pair]]
        b = second[partner[pair]]
        order = orders[replicate[pair]]
        new = kept[replicate[pair]]
        itself = point[pair]
        if not new[itself]:
            out[replicate[pair], itself, :] = 0
            continue
        nearest = infinity
        second_nearest = infinity
        for j in range(a.size):
            squared = a[j] + b[order[j]]
            if squared < second_nearest and j != itself and new[j]:
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


@compiled
def log_sums(first, second, orders, kept, replicate, row, partner, point, neighbours, out):
    """Sum log(r_k / r_j) over the k = `neighbours` nearest of joined, shuffled points, j < k.

    The arguments are those of `two_nearest`. out (R, N) float64: NaN where a point is not kept.
    """
    for pair in range(replicate.size):
        a = first[row[pair]]
        b = second[partner[pair]]
        order = orders[replicate[pair]]
        itself = point[pair]
        new = kept[replicate[pair]]
        if not new[itself]:
            out[replicate[pair], itself] = np.nan
            continue
        # A heap: its root is the largest of the smallest so far.
        heap = np.full(neighbours, np.inf)
        for j in range(a.size):
            squared = np.float64(a[j] + b[order[j]])
            if squared < heap[0] and j != itself and new[j]:
                hole = 0
                child = 1
                while child < neighbours:
                    if child + 1 < neighbours and heap[child + 1] > heap[child]:
                        child += 1
                    if heap[child] <= squared:
                        break
                    heap[hole] = heap[child]
                    hole = child
                    child = 2 * hole + 1
                heap[hole] = squared
        total = 0.0
        for k in range(neighbours):
            total += np.log(heap[0] / heap[k])
        out[replicate[pair], itself] = total / 2


@compiled
def nearest_by_scale(squared, first_row, ranks, kept, out):
    """Find the two nearest of each point among ever fewer: those whose rank agrees in the last s bits.

    squared (n, N): rows of a matrix of squared distances, from number `first_row` on. ranks (N,) int64.
    kept (N,) bool: points that are the first of their kind.
    out (S, N, 2): out[s] of these n points gets the smallest and the second smallest, for s = 0 to
    S - 1, over all kept points but itself whose rank is the same modulo 2^s; zeros of points not kept.
    """
    for i in range(squared.shape[0]):
        point = first_row + i
        for s in range(out.shape[0]):
            out[s, point, :] = np.inf if kept[point] else 0
        for j in range(squared.shape[1]):
            if j == point or not kept[j] or not kept[point]:
                continue
            value = squared[i, j]
            differ = ranks[j] ^ ranks[point]
            s = 0
            while s < out.shape[0] and differ & ((1 << s) - 1) == 0:
                if value < out[s, point, 0]:
                    out[s, point, 1] = out[s, point, 0]
                    out[s, point, 0] = value
                elif value < out[s, point, 1]:
                    out[s, point, 1] = value
                s += 1


@compiled
def kernels(squared, first_row, width, roots, gaussian, sums, squares):
    """Turn rows of squared distances into distances and Gaussian kernels, and sum each row.

    squared (n, N): rows from number `first_row` on. roots, gaussian (n, N): get sqrt(d^2) and
    exp(-d^2 / (2 width^2)), 0 on the diagonal. sums, squares (n, 3) float64: of distances, squared
    distances and Gaussian kernels of each row, and of their squares, the diagonal left out.
    """
    scale = -0.5 / (width * width)
    for i in range(squared.shape[0]):
        a, b, c, d, e, f = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(squared.shape[1]):
            value = np.float64(squared[i, j])
            root, kernel = np.sqrt(value), np.exp(scale * value)
            if j == first_row + i:
                kernel = 0.0
            roots[i, j] = root
            gaussian[i, j] = kernel
            a += root
            b += value
            c += kernel
            d += value
            e += value * value
            f += kernel * kernel
        sums[i, 0], sums[i, 1], sums[i, 2] = a, b, c
        squares[i, 0], squares[i, 1], squares[i, 2] = d, e, f


@compiled
def products(first, second, orders, replicate, row, partner, point, out):
    """Sum products of joined, shuffled rows beyond the diagonal, for three kinds of entries.

    first, second: each three arrays (rows, N). The other arguments are those of `two_nearest`.
    out[replicate[p], point[p]] (R, N, 3) float64 gets the sums over j > point[p] of
    first[kind][row[p], j] * second[kind][partner[p], orders[replicate[p], j]].
    """
    for pair in range(replicate.size):
        a0, a1, a2 = first[0][row[pair]], first[1][row[pair]], first[2][row[pair]]
        b0, b1, b2 = second[0][partner[pair]], second[1][partner[pair]], second[2][partner[pair]]
        order = orders[replicate[pair]]
        s0, s1, s2 = 0.0, 0.0, 0.0
        for j in range(point[pair] + 1, order.size):
            k = order[j]
            s0 += np.float64(a0[j]) * np.float64(b0[k])
            s1 += np.float64(a1[j]) * np.float64(b1[k])
            s2 += np.float64(a2[j]) * np.float64(b2[k])
        out[replicate[pair], point[pair], 0] = s0
        out[replicate[pair], point[pair], 1] = s1
        out[replicate[pair], point[pair], 2] = s2


@compiled
def ranks_of_nearest(
    first,
    second,
    nearest_first,
    nearest_second,
    orders,
    inverse,
    replicate,
    row,
    partner,
    point,
    out,
):
    """Rank each joined, shuffled point's nearest neighbour in one set among its neighbours in the other.

    nearest_first, nearest_second: number of the nearest neighbour of each row of `first` and `second`.
    inverse (R, N) uint32: of `orders`. The other arguments are those of `two_nearest`.
    out (R, N, 2) float64: gets the rank, from 1 on, in the second set of the nearest in the first, and the
    reverse; neighbours at one distance share the mean of their ranks.
    """
    for pair in range(replicate.size):
        a = first[row[pair]]
        b = second[partner[pair]]
        order = orders[replicate[pair]]
        itself = point[pair]
        of_first = b[order[nearest_first[row[pair]]]]
        of_second = a[inverse[replicate[pair]][nearest_second[partner[pair]]]]
        less_first, equal_first, less_second, equal_second = 0, 0, 0, 0
        for j in range(a.size):
            less_first += b[j] < of_first
            equal_first += b[j] == of_first
            less_second += a[j] < of_second
            equal_second += a[j] == of_second
        # The point's distance to itself, 0, is among them.
        less_first -= of_first > 0
        equal_first -= of_first == 0
        less_second -= of_second > 0
        equal_second -= of_second == 0
        out[replicate[pair], itself, 0] = 1 + less_first + (equal_first - 1) / 2
        out[replicate[pair], itself, 1] = 1 + less_second + (equal_second - 1) / 2
