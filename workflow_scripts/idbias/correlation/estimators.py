"""Estimators of the intrinsic dimension from the nearest neighbours of each point."""

import numpy as np

from idbias.errors import InputError

# base and ml are dadapy's two ways to fit TwoNN; mle takes k neighbours.
ESTIMATORS = ("base", "ml", "mle")
# Beyond it dadapy's own fit fails: a zero distance is an infinite ratio, it drops the top tenth.
MOST_COINCIDENT = 0.1


def two_nn(squared, estimator="base", mu_fraction=0.9):
    """Return dadapy's TwoNN estimate from the two smallest squared distances of each point (N, 2).

    Points that coincide with another (zero distance) have no ratio and are left out; it is an
    InputError if more than a tenth do, or fewer than 3 points remain. Ties stay: their ratio is 1.
    """
    # Here, because dadapy takes seconds to import, which a job that reads no neighbours can save.
    from dadapy import Data

    if not 0 < mu_fraction < 1:
        raise InputError(
            f"mu_fraction is {mu_fraction}; it must lie between 0 and 1 (the paper: 0.9). To use every "
            "ratio, choose the estimator ml."
        )
    distances = np.sqrt(np.asarray(squared, np.float64))
    apart = distances[distances[:, 0] > 0]
    check_apart(len(apart), len(distances))
    ratios = apart[:, 1] / apart[:, 0]
    used = int(len(ratios) * mu_fraction) if estimator == "base" else len(ratios)
    if used == 0 or np.partition(ratios, used - 1)[used - 1] == 1:
        raise InputError(
            f"The {used} smallest ratios of second to first neighbour distance, which {estimator} "
            "fits, are all 1 (ties, as on a grid): such points have no TwoNN dimension."
        )
    table = np.column_stack([np.zeros(len(apart)), apart])
    data = Data(distances=(table, np.zeros(table.shape, int)), maxk=2, n_jobs=1)
    return float(data.compute_id_2NN(algorithm=estimator, mu_fraction=mu_fraction)[0])


def levina_bickel(sums, neighbours):
    """Return the maximum likelihood estimate of I_d from `sums` (N,) of log(r_k / r_j) over j < k.

    Levina and Bickel 2004, "Maximum likelihood estimation of intrinsic dimension", equation 8, with
    k `neighbours`: the mean over points of (k - 1) / sum, as in the code of Basile et al. (both
    their repositories); the correction by MacKay and Ghahramani, the inverse of the mean inverse,
    is not made. NaN marks a point that coincides with another; such are left out, as in `two_nn`.
    """
    apart = sums[np.isfinite(sums)]
    check_apart(len(apart), len(sums))
    if not (apart > 0).all():
        raise InputError(
            f"{(apart == 0).sum()} points have {neighbours} neighbours at one and the same distance "
            "(ties, as on a grid): such points have no dimension by mle."
        )
    return float(np.mean((neighbours - 1) / apart))


def sums_of_logs(squared):
    """Return sum over j of log(r_k / r_j), (N,), from squared distances (N, k), k the greatest.

    NaN where a distance is 0.
    """
    squared = np.asarray(squared, np.float64)
    with np.errstate(divide="ignore"):
        sums = (np.log(squared.max(axis=1, keepdims=True)) - np.log(squared)).sum(axis=1) / 2
    return np.where((squared > 0).all(axis=1), sums, np.nan)


def check_neighbours(estimator, neighbours, count):
    """Raise InputError for an unknown estimator, or if `count` points have too few neighbours."""
    if estimator not in ESTIMATORS:
        raise InputError(f"No estimator {estimator!r}: choose from {', '.join(ESTIMATORS)}.")
    if estimator == "mle" and not 2 <= neighbours < count:
        raise InputError(
            f"{count} points have {count - 1} neighbours, mle is to take {neighbours} "
            f"(correlation.neighbours); give 2 to {count - 1}, or more points."
        )


def check_apart(apart, count):
    """Raise InputError if too many of `count` points coincide with another."""
    coincident = count - apart
    if apart < 3 or coincident > MOST_COINCIDENT * count:
        raise InputError(
            f"{coincident} of {count} points coincide with another (zero distance); at most "
            f"{MOST_COINCIDENT:.0%} may, and 3 must remain: remove duplicates from both sets alike."
        )
