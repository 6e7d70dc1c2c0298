"""Estimators of the intrinsic dimension from the nearest neighbours of each point."""

import importlib
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec

import numpy as np

from idbias.correlation.joined_measures import LogSums, TwoNearest, nearest
from idbias.errors import InputError

# base and ml are dadapy's two ways to fit TwoNN; mle takes k neighbours.
ALGORITHMS = ("base", "ml", "mle")
# Points that differ, as an estimate needs.
LEAST = 3


@dataclass(frozen=True)
class Estimator:
    """What is needed of the distances between points, and how a dimension is made of it.

    algorithm: TwoNN (Facco et al. 2017, "Estimating the intrinsic dimension of datasets by a minimal
    neighborhood information") through dadapy by "base", the linear fit of the paper, or "ml", maximum
    likelihood; or "mle", that of Levina and Bickel 2004 with k `neighbours`.
    mu_fraction: share of the smallest ratios of both distances which "base" fits (the paper: 0.9).
    Equal points count once (joined_measures.distinct), and 3 points that differ are needed. Raises
    InputError for values that are not allowed.
    """

    algorithm: str = "base"
    mu_fraction: float = 0.9
    neighbours: int = 100

    def __post_init__(self):
        if self.algorithm not in ALGORITHMS:
            raise InputError(
                f"No estimator {self.algorithm!r}: choose from {', '.join(ALGORITHMS)}."
            )
        if not 0 < self.mu_fraction < 1:
            raise InputError(
                f"mu_fraction is {self.mu_fraction}; it must lie between 0 and 1 (the paper: 0.9). To use "
                "every ratio, choose the estimator ml."
            )

    @property
    def settings(self):
        """What decides its numbers, name -> value, as files keep it."""
        if self.algorithm == "mle":
            return {"estimator": "mle", "neighbours": self.neighbours}
        return {"estimator": self.algorithm, "mu_fraction": self.mu_fraction}

    def measure(self, orders, first, second):
        """Return the measure (joined_measures.py) of what is needed of two sets joined by `orders`.

        first, second: (N, N) squared distances; orders: (R, N) integers.
        """
        if self.algorithm == "mle":
            self._check_neighbours(orders.shape[1])
            return LogSums(orders, first, second, self.neighbours)
        return TwoNearest(orders, first, second)

    def needed(self, squared):
        """Return what is needed of one set: see `dimension`. squared: (N, N) squared distances."""
        if self.algorithm == "mle":
            self._check_neighbours(len(squared))
            return sums_of_logs(nearest(squared, self.neighbours))
        return nearest(squared)

    def dimension(self, needed):
        """Return I_d, a float, from `needed` of each point.

        needed: of TwoNN the two smallest squared distances, (N, 2); of mle the sum over j < k of
        log(r_k / r_j), (N,). Zeros, or NaN, mark a point equal to an earlier one. Raises InputError where
        there is no dimension.
        """
        if self.algorithm == "mle":
            return levina_bickel(needed, self.neighbours)
        return two_nn(needed, self.algorithm, self.mu_fraction)

    def dimension_or_reason(self, needed):
        """Return (I_d, None), or (NaN, why there is none)."""
        try:
            return self.dimension(needed), None
        except InputError as error:
            return np.nan, str(error)

    def coincident(self, needed):
        """Return how many points are equal to an earlier one, an int."""
        return int((np.isnan(needed) if needed.ndim == 1 else needed[:, 0] == 0).sum())

    def _check_neighbours(self, count):
        if not 2 <= self.neighbours < count:
            raise InputError(
                f"{count} points have {count - 1} neighbours, mle is to take {self.neighbours} "
                f"(correlation.neighbours); give 2 to {count - 1}, or more points."
            )


def two_nn(squared, algorithm="base", mu_fraction=0.9):
    """Return dadapy's TwoNN estimate from the two smallest squared distances of each point (N, 2).

    Zeros mark a point equal to an earlier one, which counts once. Ties of points that differ stay: their
    ratio is 1. Raises InputError if fewer than 3 points differ, or all ratios that are fitted are 1.
    """
    distances = np.sqrt(np.asarray(squared, np.float64))
    apart = distances[distances[:, 0] > 0]
    check_apart(len(apart), len(distances))
    ratios = apart[:, 1] / apart[:, 0]
    used = int(len(ratios) * mu_fraction) if algorithm == "base" else len(ratios)
    if used == 0 or np.partition(ratios, used - 1)[used - 1] == 1:
        raise InputError(
            f"The {used} smallest ratios of second to first neighbour distance, which {algorithm} "
            "fits, are all 1 (ties, as on a grid): such points have no TwoNN dimension."
        )
    table = np.column_stack([np.zeros(len(apart)), apart])
    data = two_nn_estimator()(distances=(table, np.zeros(table.shape, int)), maxk=2, n_jobs=1)
    return float(data.compute_id_2NN(algorithm=algorithm, mu_fraction=mu_fraction)[0])


@cache
def two_nn_estimator():
    """Return dadapy's IdEstimation, imported without the other modules of dadapy.

    `import dadapy` brings torch and jax, which TwoNN does not need: seconds of every job that has a
    dimension to estimate.
    """
    if "dadapy" in sys.modules:
        return importlib.import_module("dadapy").IdEstimation
    sys.modules["dadapy"] = module_from_spec(find_spec("dadapy"))
    try:
        return importlib.import_module("dadapy.id_estimation").IdEstimation
    finally:
        del sys.modules["dadapy"]  # who imports dadapy later gets all of it


def levina_bickel(sums, neighbours):
    """Return the maximum likelihood estimate of I_d from `sums` (N,) of log(r_k / r_j) over j < k.

    Levina and Bickel 2004, "Maximum likelihood estimation of intrinsic dimension", equation 8, with
    k `neighbours`: the mean over points of (k - 1) / sum, as in the code of Basile et al. (both
    their repositories); the correction by MacKay and Ghahramani, the inverse of the mean inverse,
    is not made. NaN marks a point equal to an earlier one, which counts once, as in `two_nn`.
    """
    apart = sums[~np.isnan(sums)]
    check_apart(len(apart), len(sums))
    if len(apart) <= neighbours:
        raise InputError(
            f"{len(apart)} of {len(sums)} points differ, too few for the {neighbours} neighbours that mle takes "
            f"(correlation.neighbours); give 2 to {len(apart) - 1}, or more points."
        )
    if not (apart > 0).all():
        raise InputError(
            f"{(apart == 0).sum()} points have {neighbours} neighbours at one and the same distance "
            "(ties, as on a grid): such points have no dimension by mle."
        )
    return float(np.mean((neighbours - 1) / apart))


def sums_of_logs(squared):
    """Return sum over j of log(r_k / r_j), (N,), from squared distances (N, k), k the greatest.

    NaN where all are 0, which marks a point equal to an earlier one.
    """
    squared = np.asarray(squared, np.float64)
    largest = squared.max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = (np.log(largest[:, None]) - np.log(squared)).sum(axis=1) / 2
    # Fewer other points than neighbours: levina_bickel says so.
    sums[largest == np.inf] = np.inf
    return np.where(largest > 0, sums, np.nan)


def check_apart(apart, count):
    """Raise InputError if fewer than 3 of `count` points differ."""
    if apart < LEAST:
        raise InputError(
            f"{count - apart} of {count} points are equal to an earlier one (zero distance), so {apart} differ; "
            f"an intrinsic dimension needs {LEAST}."
        )
