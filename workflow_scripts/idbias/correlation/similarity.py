"""Other measures of likeness between two sets, to see beside the I_d test what they miss."""

import numpy as np

from idbias.correlation.id_test import check_sizes
from idbias.errors import InputError


def cosine_similarity(first, second):
    """Return the cosine between rows i of both sets, float64 (N,); NaN where a row is all zeros.

    first, second: (N, ...) of one shape. Paper 1 (section 4.6) gives its mean and std (ddof 0).
    """
    first, second = (np.asarray(z, np.float64).reshape(len(z), -1) for z in (first, second))
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(invalid="ignore"):
        return np.einsum("ij,ij->i", first, second) / norms


def r_squared(first, second):
    """Return the squared Pearson correlation of two scalars, each (N,) or (N, 1): Table 1's R^2."""
    return float(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1] ** 2)


def distance_correlation(first, second):
    """Return the bias-corrected squared distance correlation of two sets.

    first, second: (N, N) squared distances, N >= 4; arrays or h5py datasets.
    0 on average for independent sets (it can be slightly negative), 1 for sets alike up to scale and
    rotation. Szekely and Rizzo 2014, "Partial distance correlation with methods for
    dissimilarities" (section 3, U-centred distance matrices).
    """
    return _u_centred_cosine(first, second, np.sqrt)


def linear_cka(first, second):
    """Return linear centred kernel alignment, with the unbiased estimate of HSIC.

    Arguments and range as for `distance_correlation`. Kornblith et al. 2019, "Similarity of neural
    network representations revisited", section 3, with HSIC by Song et al. 2012 (equation 4);
    U-centring turns squared distances into -2 times the linear kernel, so it is the same sum.
    """
    return _u_centred_cosine(first, second, lambda squared: squared)


def _u_centred_cosine(first, second, transform, rows=256):
    """Return the cosine between two U-centred distance matrices, reading each once by rows."""
    check_sizes(first, second)
    n = len(first)
    if n < 4:
        raise InputError(
            f"{n} points are too few to centre distances without bias: give at least 4."
        )
    products = np.zeros(3)
    sums = np.empty((2, n))
    for start in range(0, n, rows):
        part = slice(start, start + rows)
        a, b = (transform(np.asarray(matrix[part], np.float64)) for matrix in (first, second))
        products += np.vdot(a, b), np.vdot(a, a), np.vdot(b, b)
        sums[:, part] = a.sum(axis=1), b.sum(axis=1)
    totals = sums.sum(axis=1)
    pairs = np.array([(0, 1), (0, 0), (1, 1)])
    row_term = np.einsum("pi,pi->p", sums[pairs[:, 0]], sums[pairs[:, 1]])
    total_term = totals[pairs[:, 0]] * totals[pairs[:, 1]]
    both, one, other = products - 2 / (n - 2) * row_term + total_term / ((n - 1) * (n - 2))
    return float(both / np.sqrt(one * other))
