"""The effect size: bias-corrected distance correlation, with an interval over points."""

import numpy as np
from scipy.stats import t

from idbias.correlation.joined_measures import STREAMED_BYTES, blocks, check_sizes

LEVEL = 0.95
# An own product below this share of the sum of squares is no spread, but rounding.
ROUNDING = 1e-13
# Points without one of which the statistic is still defined.
LEAST = 5
# Of the first set with the second, and of each with itself.
PRODUCTS = ((0, 1), (0, 0), (1, 1))


def delete_one(first, second):
    """Return (value, values without each point): the bias-corrected distance correlation.

    first, second: (N, N) squared distances, arrays or h5py datasets, read twice in blocks of rows; N >= 5.
    The value is a float, the others float64 (N,). Szekely and Rizzo 2014, "Partial distance correlation
    with methods for dissimilarities", section 3: with U-centred matrices A~, B~ of both sets' distances
    (A~ . B~) / sqrt((A~ . A~) (B~ . B~)), where
    N (N - 3) (A~ . B~) = sum a_ij b_ij - 2 / (N - 2) sum a_i. b_i. + a.. b.. / ((N - 1) (N - 2)).
    Without point i these sums lose what it adds, which row sums and matrix-vector products give.
    """
    check_sizes(first, second, least=LEAST)
    count = len(first)
    rows = np.empty((2, count))
    for top, *parts in _distances(first, second):
        for which, part in enumerate(parts):
            rows[which, top : top + len(part)] = part.sum(axis=1)
    own, weighted = ({pair: np.empty(count) for pair in PRODUCTS} for _ in range(2))
    for top, *parts in _distances(first, second):
        here = slice(top, top + len(parts[0]))
        for left, right in PRODUCTS:
            own[left, right][here] = np.einsum("ij,ij->i", parts[left], parts[right])
            weighted[left, right][here] = parts[left] @ rows[right] + parts[right] @ rows[left]
    whole, without = {}, {}
    for left, right in PRODUCTS:
        pair, a, b = (left, right), rows[left], rows[right]
        total, crossed = own[pair].sum(), a @ b
        whole[pair] = u_centred_product(count, total, crossed, a.sum(), b.sum())
        without[pair] = u_centred_product(
            count - 1,
            total - 2 * own[pair],
            crossed - a * b - weighted[pair] + own[pair],
            a.sum() - 2 * a,
            b.sum() - 2 * b,
        )
    squares = np.array([own[which, which].sum() for which in (0, 1)])
    value = cosine(whole[0, 1], np.array([whole[0, 0], whole[1, 1]]), squares)
    own_without = np.array([without[0, 0], without[1, 1]])
    return float(value), cosine(without[0, 1], own_without, squares[:, None])


def interval(first, second):
    """Return (value, low, high): the bias-corrected distance correlation with its 95 % interval.

    first, second: as for `delete_one`. The interval is value +- t s, s from the jackknife over points
    (Efron and Stein 1981, "The jackknife estimate of variance"), t of N - 1 degrees of freedom.
    """
    value, without = delete_one(first, second)
    reach = t.ppf(0.5 + LEVEL / 2, len(without) - 1) * jackknife_error(without)
    return value, value - reach, value + reach


def jackknife_error(without):
    """Return the standard error of a statistic from its values `without` each of N points, (N,)."""
    return float(np.std(without) * np.sqrt(len(without) - 1))


def _distances(first, second):
    """Yield (first row, distances of the first set, of the second), float64, in blocks of rows."""
    for top, a in blocks(first, first.dtype, STREAMED_BYTES):
        b = second[top : top + len(a)]
        yield top, np.sqrt(a, dtype=np.float64), np.sqrt(b, dtype=np.float64)


def u_centred_product(count, total, crossed, a, b):
    """Return count (count - 3) times the product of two U-centred matrices (equation of `delete_one`).

    total: the sum of products of entries; crossed: of row sums; a, b: the sums of all entries of each.
    """
    return total - 2 / (count - 2) * crossed + a * b / ((count - 1) * (count - 2))


def cosine(products, own, squares):
    """Return products / sqrt(own[0] own[1]), 0 where a set has no spread.

    own, squares: (2, ...), of each set the product with itself, and the sum of its squared entries. A set whose
    points are all equally far apart has no spread but rounding; it depends on nothing.
    """
    own = np.where(own > ROUNDING * squares, own, 0)
    scale = np.sqrt(own[0] * own[1])
    return np.where(scale > 0, products / np.where(scale > 0, scale, 1), 0.0)
