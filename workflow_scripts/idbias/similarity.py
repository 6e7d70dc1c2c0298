"""Other measures of likeness between two sets, for comparison with the I_d test."""

import numpy as np


def cosine_similarity(first, second):
    """Return the cosine of the angle between rows i of both sets, float64 (N,); NaN for a zero row.

    first, second: (N, ...) of one shape. Paper 1, section 4.6 gives mean and std (ddof 0) of it.
    """
    first, second = (np.asarray(z, np.float64).reshape(len(z), -1) for z in (first, second))
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(invalid="ignore"):
        return np.einsum("ij,ij->i", first, second) / norms


def r_squared(first, second):
    """Return the squared Pearson correlation of two scalars (N,): Table 1's R^2."""
    return float(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1] ** 2)
