"""What two sets are as they are, before any shuffle."""

import numpy as np

from idbias.correlation import distance_correlation
from idbias.correlation.baselines import root_mean_square_distance
from idbias.correlation.decodability import NAMES as DECODED
from idbias.correlation.decodability import class_decoded
from idbias.correlation.dependence import TWO_NN, baseline_measures
from idbias.correlation.estimators import LEAST
from idbias.correlation.joined_measures import check_sizes, measure_joined
from idbias.correlation.preprocessing import preprocessed
from idbias.correlation.scale import dimensions_by_scale
from idbias.correlation.similarity import SVCCA_MOST, svcca


def observed_statistics(
    first, second, vectors=None, estimator=TWO_NN, preprocessing=None, threads=1, seed=0,
    with_svcca="auto", labels=None,
):  # fmt: skip
    """Return (statistics, reasons) of two sets as they are: name -> float or array, name -> text.

    first, second: (N, N) squared distances, arrays or h5py datasets. vectors: the two sets
    themselves, (N, ...), for the baselines; None leaves these out. estimator: as for
    `intrinsic_dimension`; preprocessing: arguments of `preprocessed`, what is still to be done to the
    vectors. seed: of random parts. with_svcca: True, False, or "auto", where it costs little. labels: (N,)
    classes, or None.
    first, second, joined: I_d, left out where there is none; reasons say why. coincident, coincident_first,
    coincident_second: points equal to an earlier one, joined and in each set. scale_ratio: of the
    root mean square distances of both. scale/...: what `dimensions_by_scale` returns. With baselines
    those of `joined_statistics`, distance_correlation_low and _high, svcca where that can be had and,
    with labels, what `class_decoded` returns of each set.
    Fewer than 3 points have no statistics but reasons.
    """
    check_sizes(first, second, least=0)
    count = len(first)
    if count < LEAST:
        few = f"{count} pairs are too few: two nearest neighbours need at least {LEAST} points"
        return {}, dict.fromkeys(("first", "second", "joined"), few)
    order = np.arange(count)[None]
    joined = estimator.measure(order, first, second)
    baselines = [] if vectors is None else baseline_measures(order, first, second)
    measure_joined(first, second, order, [joined, *baselines], threads)
    needed = {"joined": joined.out[0]}
    needed |= {"first": estimator.needed(first), "second": estimator.needed(second)}
    statistics, reasons = {}, {}
    for name, values in needed.items():
        dimension, reason = estimator.dimension_or_reason(values)
        if reason:
            reasons[name] = reason
        else:
            statistics[name] = dimension
        counted = "coincident" if name == "joined" else f"coincident_{name}"
        statistics[counted] = estimator.coincident(values)
    lengths = [root_mean_square_distance(squared) for squared in (first, second)]
    if min(lengths) > 0:
        statistics["scale_ratio"] = lengths[0] / lengths[1]
    scales = dimensions_by_scale(first, second, seed, estimator, threads=threads)
    statistics |= {f"scale/{name}": values for name, values in scales.items()}
    if vectors is not None:
        for measure in baselines:
            values = measure.statistics().items()
            statistics |= {name: float(value[0]) for name, value in values}
        if count >= distance_correlation.LEAST:
            _, low, high = distance_correlation.interval(first, second)
            statistics |= {"distance_correlation_low": low, "distance_correlation_high": high}
        if with_svcca:
            ready = [preprocessed(points, **(preprocessing or {})) for points in vectors]
            value = svcca(*ready, most=SVCCA_MOST[with_svcca])
            if value is not None:
                statistics["svcca"] = value
        if labels is not None:
            shares = [class_decoded(squared, labels, seed) for squared in (first, second)]
            if np.isfinite(shares).all():
                statistics |= dict(zip(DECODED, np.ravel(shares), strict=True))
    return statistics, reasons
