"""The I_d test: is the intrinsic dimension of two joined sets lower than if they were independent?

Paper 1, section 3.2: join the two vectors of each point, estimate the intrinsic dimension I_d, do
it again with one set shuffled, and ask how far below the shuffled I_d the observed one lies.

A joined squared distance is d1^2(i, j) + d2^2(pi(i), pi(j)). Both distance matrices are computed
once (distances.py); a replicate is then gather, add, and two smallest a row, whatever D is.
dadapy estimates I_d from the two nearest distances of each point; idbias only finds them.
"""

import numpy as np
from scipy.special import ndtr

from idbias.correlation.baselines import NAMES, Products
from idbias.correlation.estimators import check_neighbours, levina_bickel, sums_of_logs, two_nn
from idbias.correlation.joined_measures import (
    LogSums,
    TwoNearest,
    check_sizes,
    measure_joined,
    nearest,
)
from idbias.errors import InputError
from idbias.streams import generator


def intrinsic_dimension(
    first, second=None, permutation=None, estimator="base", mu_fraction=0.9, threads=1,
    neighbours=100,
):  # fmt: skip
    """Return I_d of one set, or of two joined sets.

    first, second: (N, N) squared distances; arrays, or h5py datasets, which are read in blocks.
    permutation: (N,) integers; point i of `first` joins point permutation[i] of `second`.
    None joins point i with point i.
    estimator: TwoNN (Facco et al. 2017) through dadapy by "base", the linear fit of the paper, or
    "ml", maximum likelihood; or "mle", that of Levina and Bickel 2004 with k `neighbours`.
    mu_fraction: share of the smallest ratios which "base" fits (the paper: 0.9).
    Raises InputError for fewer than 3 points, unequal sizes, or too many coinciding points.
    """
    if second is not None:
        order = np.arange(len(first)) if permutation is None else np.asarray(permutation)
        joined = joined_statistics(
            first, second, order[None], estimator, mu_fraction, neighbours, False, threads
        )
        return float(joined["intrinsic_dimension"][0])
    check_sizes(first, first)
    check_neighbours(estimator, neighbours, len(first))
    if estimator == "mle":
        return levina_bickel(sums_of_logs(nearest(first, neighbours)), neighbours)
    return two_nn(nearest(first), estimator, mu_fraction)


def shuffled_dimensions(
    first, second, replicates, seed, estimator="base", mu_fraction=0.9, labels=None, threads=1,
    label=None, neighbours=100,
):  # fmt: skip
    """Return I_d of the joined sets for each shuffle in `replicates`, float64 (R,).

    The arguments are those of `shuffled_statistics`.
    """
    found = shuffled_statistics(
        first, second, replicates, seed, estimator, mu_fraction, neighbours, False, labels,
        threads, label,
    )  # fmt: skip
    return found["intrinsic_dimension"]


def shuffled_statistics(
    first, second, replicates, seed, estimator="base", mu_fraction=0.9, neighbours=100,
    baselines=True, labels=None, threads=1, label=None,
):  # fmt: skip
    """Return statistics of the joined sets for each shuffle in `replicates`, name -> float64 (R,).

    They are those of `joined_statistics`. replicates: integers, such as range(50). Replicate r
    depends on (seed, r) alone: it is the same bit for bit in whatever shard, beside whatever others,
    on however many threads.
    labels: (N,) classes or strata; points are then shuffled within each only, a stricter null.
    label: names the progress shown on standard error; None shows none.
    The other arguments are those of `intrinsic_dimension`.
    """
    check_sizes(first, second)
    count = len(first)
    # As many as share one pass over the files, while their neighbours (batch, N, 2) stay small.
    batch = max(1, 5_000_000 // count)
    found = []
    for start in range(0, len(replicates), batch):
        orders = [shuffle(count, seed, r, labels) for r in replicates[start : start + batch]]
        settings = estimator, mu_fraction, neighbours, baselines, threads, label
        found.append(joined_statistics(first, second, np.stack(orders), *settings))
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def joined_statistics(
    first, second, orders, estimator="base", mu_fraction=0.9, neighbours=100, baselines=True,
    threads=1, label=None,
):  # fmt: skip
    """Return statistics of two sets joined by each of R permutations, name -> float64 (R,).

    intrinsic_dimension: as of `intrinsic_dimension`. With `baselines`, and at least 4 points, also
    distance_correlation, hsic_linear and hsic_gaussian (baselines.py).
    orders: (R, N) integers; point i of `first` joins point orders[r, i] of `second`.
    """
    check_sizes(first, second)
    check_neighbours(estimator, neighbours, len(first))
    if estimator == "mle":
        measures = [LogSums(orders, neighbours)]
    else:
        measures = [TwoNearest(orders, np.result_type(first.dtype, second.dtype))]
    if baselines and len(first) > 3:
        measures.append(Products(orders, first, second))
    measure_joined(first, second, orders, measures, threads, label=label)
    if estimator == "mle":
        dimensions = [levina_bickel(one, neighbours) for one in measures[0].out]
    else:
        dimensions = [two_nn(one, estimator, mu_fraction) for one in measures[0].out]
    others = measures[1].statistics() if len(measures) > 1 else {}
    return {"intrinsic_dimension": np.array(dimensions), **others}


def shuffle(count, seed, replicate, labels=None):
    """Return the permutation (count,) of replicate number `replicate`, within classes if labelled.

    It comes from the stream "shuffle" of (seed, replicate).
    """
    random = generator("shuffle", seed, replicate)
    if labels is None:
        return random.permutation(count)
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise InputError(f"{count} points need {count} labels; their shape is {labels.shape}.")
    order = np.arange(count)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order[members] = random.permutation(members)
    return order


def z_test(observed, shuffled):
    """Return (mean, std, Z, p) of paper 1's one-sided test that `observed` is below `shuffled` (R,).

    std has ddof 0, Z = (observed - mean) / std, p = Phi(Z), as published.
    Raises InputError if the shuffled values do not spread.
    """
    mean, std = float(np.mean(shuffled)), float(np.std(shuffled))
    if not std > 0:
        raise InputError(
            f"{len(shuffled)} shuffles spread by {std}, which allows no Z: take at least 2 "
            "(the paper: 50), of sets that do vary."
        )
    z = (observed - mean) / std
    return mean, std, z, float(ndtr(z))


def permutation_p(observed, shuffled):
    """Return (p, resolution): (1 + #{shuffled <= observed}) / (1 + R), and its least, 1 / (1 + R).

    Under independence p <= x has a probability of at most x, for any N and R, with no normality
    assumed (Phipson and Smyth 2010, "Permutation p-values should never be zero").
    """
    resolution = 1 / (1 + len(shuffled))
    return float((1 + np.sum(np.asarray(shuffled) <= observed)) * resolution), resolution


def id_correlation(first, second, joined):
    """Return (d1 + d2 - d12) / max(d1, d2) from I_d of each set and of both joined.

    1 if one set determines the other. Not 0 for independent sets of high I_d, whose sum TwoNN
    underestimates when they are joined: see `corrected_id_correlation`. Basile et al., ICLR 2025,
    "Intrinsic Dimension Correlation: uncovering nonlinear connections in multimodal
    representations", equation 3.
    """
    return (first + second - joined) / max(first, second)


def corrected_id_correlation(first, second, joined, shuffled_mean):
    """Return (m - d12) / max(d1, d2), m the mean I_d of the shuffled sets: 0 if they are independent.

    Ours: `id_correlation` with what both sets' I_d sum up to measured by shuffling, so that the
    estimator's bias falls out. 1 if one set determines the other and the estimator is unbiased.
    """
    return (shuffled_mean - joined) / max(first, second)


def summary(first, second, joined, shuffled):
    """Return the test's numbers as a dict, from I_d of each set, of both joined, and shuffled (R,).

    `first` or `second` may be NaN where one set alone has no I_d.
    """
    mean, std, z, p = z_test(joined, shuffled)
    p_permutation, resolution = permutation_p(joined, shuffled)
    return {
        "id_first": first,
        "id_second": second,
        "id": joined,
        "id_shuffled_mean": mean,
        "id_shuffled_std": std,
        "shuffles": len(shuffled),
        "z": z,
        "p": p,
        "p_permutation": p_permutation,
        "p_permutation_resolution": resolution,
        "id_correlation": id_correlation(first, second, joined),
        "id_correlation_corrected": corrected_id_correlation(first, second, joined, mean),
    }


def numbers_of(observed, shuffled):
    """Return all numbers of a row as a dict: of `summary`, `baselines_summary`, and what has no p.

    observed: as idbias.correlation.observed_statistics.observed_statistics returns; shuffled: as
    `shuffled_statistics`.
    """
    three = (float(observed[name]) for name in ("first", "second", "joined"))
    by_scale = observed["scale/joined"]
    return {
        **summary(*three, shuffled["intrinsic_dimension"]),
        **baselines_summary(observed, shuffled),
        "id_of_half_ratio": by_scale[1] / by_scale[0] if len(by_scale) > 1 else None,
        "svcca": observed.get("svcca"),
        "scale_ratio": observed["scale_ratio"],
    }


def baselines_summary(observed, shuffled):
    """Return each baseline's value and its permutation p, as a dict.

    observed: name -> value; shuffled: name -> (R,), for the names in baselines.py; of others
    nothing is taken. p = (1 + #{shuffled >= observed}) / (1 + R): large values show dependence.
    """
    found = {}
    for name in NAMES:
        if name in observed:
            found[name] = float(observed[name])
            found[f"{name}_p"] = permutation_p(-observed[name], -shuffled[name])[0]
    return found
