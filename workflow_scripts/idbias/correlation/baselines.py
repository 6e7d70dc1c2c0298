"""Ordinary tests of dependence on the same distances and the same shuffles as the I_d test.

Distance correlation, and HSIC with a linear and a Gaussian kernel. Each is the cosine between two
matrices of N by N entries, centred without bias (U-centred: Szekely and Rizzo 2014, section 3): of
distances it is the bias-corrected squared distance correlation; of kernels HSIC by Song et al. 2012
(equation 4), divided by the root of both sets' own, which is called CKA too. U-centring turns squared
distances into -2 times the linear kernel. A shuffle changes only the sum of products.
"""

import numpy as np

from idbias.correlation.distance_correlation import cosine, u_centred_product
from idbias.correlation.kernels_numba import kernels, products

NAMES = ("distance_correlation", "hsic_linear", "hsic_gaussian")
# Median and mean distances are those between this number of points, evenly spaced, if there are more.
MOST_POINTS = 2048
ROWS = 64


class Products:
    """Measure (joined_measures.py): the three statistics of two sets joined by R permutations."""

    # Three arrays of half the size: half as much again in memory, and twice as many passes over a file.
    share = 0.5

    def __init__(self, orders, first, second):
        self.orders = np.ascontiguousarray(orders, np.uint32)
        self.widths = median_distance(first), median_distance(second)
        self.out = np.empty((*orders.shape, 3))
        self.sums, self.squares = np.empty((2, 2, len(first), 3))
        self.top = None

    def prepare(self, top, a, left, b, pool):
        if top != self.top:
            self.a = self._kernels(0, top, a, pool)
        self.top, self.b = top, self._kernels(1, left, b, pool)

    def work(self, replicate, partner, point):
        row = point - self.top
        products(self.a, self.b, self.orders, replicate, row, partner, point, self.out)

    def _kernels(self, which, start, squared, pool):
        roots, gaussian = np.empty_like(squared), np.empty_like(squared)
        sums, squares = (z[which, start : start + len(squared)] for z in (self.sums, self.squares))

        def part(i):
            rows = slice(i, i + ROWS)
            kernels(
                squared[rows], start + i, self.widths[which],
                roots[rows], gaussian[rows], sums[rows], squares[rows],
            )  # fmt: skip

        list(pool.map(part, range(0, len(squared), ROWS)))
        return roots, squared, gaussian

    def statistics(self):
        """Return the statistics, name -> float64 (R,): 0 on average for independent sets, 1 at most."""
        n = len(self.orders[0])
        first, second = self.sums
        totals = self.sums.sum(axis=1)

        squares = self.squares.sum(axis=1)
        own = u_centred_product(n, squares, (self.sums**2).sum(axis=1), totals, totals)
        both = [
            u_centred_product(n, 2 * rows.sum(axis=0), (first * second[order]).sum(axis=0), *totals)
            for rows, order in zip(self.out, self.orders, strict=True)
        ]
        values = cosine(np.array(both), own, squares)
        return dict(zip(NAMES, values.T, strict=True))


def median_distance(squared):
    """Return the median of the distances in `squared` (N, N) between different points.

    Of more than 2,048 points, that of 2,048 evenly spaced ones. It is the width of the Gaussian
    kernel, exp(-d^2 / (2 width^2)): the median heuristic (Gretton et al. 2007, "A kernel statistical
    test of independence"). If most points coincide it is the root mean square, or 1 if all do.
    """
    return float(np.median(between(squared))) or root_mean_square_distance(squared) or 1.0


def root_mean_square_distance(squared):
    """Return the root of the mean of `squared` (N, N), over the pairs `median_distance` takes."""
    return float(np.sqrt(np.mean(between(squared) ** 2)))


def between(squared):
    """Return the distances between evenly spaced points, at most 2,048, as one float64 array."""
    count = len(squared)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(int))
    rows = squared if len(chosen) == count else [squared[int(i)][chosen] for i in chosen]
    values = np.asarray(rows)
    return np.sqrt(values[~np.eye(len(chosen), dtype=bool)], dtype=np.float64)
