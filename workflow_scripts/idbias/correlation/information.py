"""Information imbalance: what the nearest neighbours in one set tell of those in the other.

Glielmo et al. 2022, "Ranking the information content of distance measures", equation 2: 2 / N times the
mean, over points, of the rank that the nearest neighbour in one set has among the neighbours in the
other. It is 1 where a neighbour tells nothing, and 2 / N where both sets agree on all of them.
"""

import numpy as np

from idbias.correlation.kernels_numba import ranks_of_nearest

NAMES = ("information_first_to_second", "information_second_to_first")


class InformationImbalance:
    """Measure (joined_measures.py): 1 - information imbalance, both ways, joined by R permutations.

    Neighbours at one distance share the mean of their ranks; the nearest of several is the one of lowest
    number in its own set.
    """

    share = 1

    def __init__(self, orders):
        self.orders = np.ascontiguousarray(orders, np.uint32)
        self.inverse = np.argsort(self.orders, axis=1).astype(np.uint32)
        self.out = np.empty((*orders.shape, 2))
        self.top = None

    def prepare(self, top, a, left, b, pool):
        if top != self.top:
            self.top, self.a = top, a
            self.nearest_first = nearest_others(a, top)
        self.b, self.nearest_second = b, nearest_others(b, left)

    def work(self, replicate, partner, point):
        ranks_of_nearest(
            self.a, self.b, self.nearest_first, self.nearest_second, self.orders, self.inverse,
            replicate, point - self.top, partner, point, self.out,
        )  # fmt: skip

    def statistics(self):
        """Return name -> float64 (R,): 0 on average for independent sets, 1 - 2 / N at most."""
        return dict(zip(NAMES, 1 - 2 / self.out.shape[1] * self.out.mean(axis=1).T, strict=True))


def nearest_others(squared, first_row):
    """Return the number of each point's nearest neighbour, int64 (n,).

    squared: (n, N), rows of squared distances from number `first_row` on.
    """
    out = np.empty(len(squared), np.int64)
    for row, point in enumerate(range(first_row, first_row + len(squared))):
        other = np.delete(squared[row], point).argmin()
        out[row] = other + (other >= point)
    return out
