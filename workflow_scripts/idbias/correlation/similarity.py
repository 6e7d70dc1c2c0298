"""Other measures of likeness between two sets, to see beside the I_d test what they miss."""

import numpy as np
import scipy.linalg

from idbias.correlation.distances import HELD_BYTES
from idbias.shards import ROWS

# SVCCA needs eigenvectors of a matrix of N by N, or of length by length, whichever is smaller. That side is
# at most the first number where it is asked for, else the second: it costs more than the I_d test (benchmark).
SVCCA_MOST = {True: 4096, "auto": 1024}
# Share of the sum of singular values that the kept directions stay below.
KEPT = 0.99


def cosine_similarity(first, second):
    """Return the cosine between rows i of both sets, float64 (N,); NaN where a row is all zeros.

    first, second: (N, ...) of one shape; arrays, or what is read when sliced, some rows at a time. Paper 1
    (section 4.6) gives its mean and std (ddof 0).
    """
    length, cosines = int(np.prod(first.shape[1:])), [np.empty(0)]
    for start in range(0, len(first), ROWS):
        rows = slice(start, start + ROWS)
        a, b = (np.asarray(z[rows], np.float64).reshape(-1, length) for z in (first, second))
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        with np.errstate(invalid="ignore"):
            cosines.append(np.einsum("ij,ij->i", a, b) / norms)
    return np.concatenate(cosines)


def r_squared(first, second):
    """Return the squared Pearson correlation of two scalars, each (N,) or (N, 1): Table 1's R^2."""
    return float(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1] ** 2)


def svcca(first, second, most=SVCCA_MOST[True]):
    """Return the mean canonical correlation of the main directions of two sets, 0 to 1, or None.

    first, second: (N, ...) vectors, arrays or what reads rows like one. Raghu et al. 2017, "SVCCA:
    singular vector canonical correlation analysis", as in anatome, which Basile et al. use: the
    first singular vectors of each set, uncentred, whose values add up to less than KEPT of the
    whole; then canonical correlations of both centred projections, averaged over as many as the
    smaller has. It is near 1 for independent sets too where both have about as many directions
    as points. None where both N and the vectors' length exceed `most`, or a set is larger than 2 GiB.
    """
    sets = [first, second]
    count, longest = len(first), max(int(np.prod(points.shape[1:])) for points in sets)
    if min(count, longest) > most or max(points.nbytes for points in sets) > HELD_BYTES:
        return None
    sets = [np.asarray(points[:]).reshape(count, -1) for points in sets]
    bases = _points_basis if count <= longest else _coordinates_basis
    cross = bases(*sets)
    if 0 in cross.shape:
        return None
    smaller = cross @ cross.T if len(cross) <= len(cross.T) else cross.T @ cross
    squares = scipy.linalg.eigvalsh(smaller)
    return float(np.sqrt(np.clip(squares, 0, 1)).mean())


def _main_directions(matrix):
    """Return (eigenvalues, eigenvectors as columns), the greatest first, of those that are kept."""
    values, vectors = scipy.linalg.eigh(matrix, overwrite_a=True, check_finite=False)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    singular = np.sqrt(values)
    number = int((np.cumsum(singular) < KEPT * singular.sum()).sum())
    # In order in memory: matrix products of a reversed view go without BLAS, and take minutes.
    return values[:number], np.ascontiguousarray(vectors[:, :number])


def _points_basis(first, second):
    """Return Q1^T Q2 of orthonormal bases of both projections, from inner products of points."""
    bases = []
    for points in (first, second):
        values, vectors = _main_directions(_product(points.T, points.T))
        scores = vectors * np.sqrt(values)
        bases.append(scipy.linalg.qr(scores - scores.mean(axis=0), mode="economic")[0])
    return bases[0].T @ bases[1]


def _coordinates_basis(first, second):
    """Return the same from inner products of coordinates, up to rotations of either side."""
    whitened, projections, means = [], [], []
    for points in (first, second):
        values, vectors = _main_directions(_product(points, points))
        mean = vectors.T @ points.mean(axis=0, dtype=np.float64)
        covariance = np.diag(values) - len(points) * np.outer(mean, mean)
        # A direction that centring removes has no length left to divide by.
        covariance[np.diag_indices_from(covariance)] += 1e-12 * values.sum()
        whitened.append(scipy.linalg.cholesky(covariance, lower=True))
        projections.append(vectors)
        means.append(mean)
    cross = projections[0].T @ _product(first, second) @ projections[1]
    cross -= len(first) * np.outer(*means)
    left = scipy.linalg.solve_triangular(whitened[0], cross, lower=True)
    return scipy.linalg.solve_triangular(whitened[1], left.T, lower=True).T


def _product(first, second, rows=1024):
    """Return first^T second in float64, (D1, D2), of (N, D1) and (N, D2), by blocks of rows."""
    total = np.zeros((first.shape[1], second.shape[1]))
    for start in range(0, len(first), rows):
        a = first[start : start + rows].astype(np.float64)
        b = a if second is first else second[start : start + rows].astype(np.float64)
        total += a.T @ b
    return total
