"""Statistics of two sets of points, joined as they are and shuffled.

Paper 1, section 3.2: join the two vectors of each point, estimate the intrinsic dimension I_d, do
it again with one set shuffled, and ask how far below the shuffled I_d the observed one lies. The same
in fifteen lines: reference.py.

A joined squared distance is d1^2(i, j) + d2^2(pi(i), pi(j)). Both distance matrices are computed
once (distances.py); a replicate is then gather, add, and two smallest a row, whatever D is.
dadapy estimates I_d from the two nearest distances of each point; idbias only finds them.
"""

import numpy as np

from idbias.correlation.baselines import Products
from idbias.correlation.estimators import LEAST, Estimator
from idbias.correlation.information import InformationImbalance
from idbias.correlation.joined_measures import check_sizes, measure_joined
from idbias.errors import InputError
from idbias.streams import generator

TWO_NN = Estimator()


def intrinsic_dimension(first, second=None, permutation=None, estimator=TWO_NN, threads=1):
    """Return I_d of one set, or of two joined sets.

    first, second: (N, N) squared distances; arrays, or h5py datasets, which are read in blocks.
    permutation: (N,) integers; point i of `first` joins point permutation[i] of `second`.
    None joins point i with point i. estimator: an idbias.correlation.estimators.Estimator.
    Raises InputError for fewer than 3 points, unequal sizes, or where there is no dimension.
    """
    check_sizes(first, first if second is None else second)
    if second is None:
        return estimator.dimension(estimator.needed(first))
    order = np.arange(len(first)) if permutation is None else np.asarray(permutation)
    measure = estimator.measure(order[None], first, second)
    measure_joined(first, second, order[None], [measure], threads)
    return estimator.dimension(measure.out[0])


def shuffled_dimensions(
    first, second, replicates, seed, estimator=TWO_NN, labels=None, threads=1, label=None
):
    """Return I_d of the joined sets for each shuffle in `replicates`, float64 (R,).

    The arguments are those of `shuffled_statistics`.
    """
    settings = estimator, labels, False, threads, label
    return shuffled_statistics(first, second, replicates, seed, *settings)["intrinsic_dimension"]


def shuffled_statistics(
    first, second, replicates, seed, estimator=TWO_NN, labels=None, baselines=True, threads=1,
    label=None,
):  # fmt: skip
    """Return statistics of the joined sets for each shuffle in `replicates`, name -> float64 (R,).

    They are those of `joined_statistics`. replicates: integers, such as range(50). Replicate r
    depends only on (seed, r): it is the same bit for bit in whatever shard, beside whatever others,
    on however many threads.
    labels: (N,) classes or strata; points are then shuffled within each only, a stricter null.
    label: names the progress shown on standard error; None shows none.
    The other arguments are those of `joined_statistics`.
    """
    check_sizes(first, second, least=0)
    count = len(first)
    # As many as share one pass over the files, while their neighbours (batch, N, 2) stay small.
    batch = max(1, 5_000_000 // max(1, count))
    parts = []
    for start in range(0, len(replicates), batch):
        orders = [shuffle(count, seed, r, labels) for r in replicates[start : start + batch]]
        settings = estimator, baselines, threads, label
        parts.append(joined_statistics(first, second, np.stack(orders), *settings))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def joined_statistics(
    first, second, orders, estimator=TWO_NN, baselines=True, threads=1, label=None
):
    """Return statistics of two sets joined by each of R permutations, name -> float64 (R,).

    intrinsic_dimension: NaN where there is none. With 4 points or more information_first_to_second and
    information_second_to_first (information.py) and, with `baselines`, distance_correlation,
    hsic_linear and hsic_gaussian (baselines.py).
    orders: (R, N) integers; point i of `first` joins point orders[r, i] of `second`.
    """
    check_sizes(first, second, least=0)
    if len(first) < LEAST:
        return {"intrinsic_dimension": np.full(len(orders), np.nan)}
    measures = [estimator.measure(orders, first, second)]
    if baselines:
        measures += baseline_measures(orders, first, second)
    measure_joined(first, second, orders, measures, threads, label=label)
    dimensions = [estimator.dimension_or_reason(needed)[0] for needed in measures[0].out]
    statistics = {"intrinsic_dimension": np.array(dimensions)}
    for measure in measures[1:]:
        statistics |= measure.statistics()
    return statistics


def baseline_measures(orders, first, second):
    """Return the measures (joined_measures.py) of effect sizes, none of fewer than 4 points."""
    if len(first) <= LEAST:
        return []
    return [InformationImbalance(orders), Products(orders, first, second)]


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
