"""What two sets are as they are, before any shuffle."""

import numpy as np

from idbias.correlation.baselines import root_mean_square_distance
from idbias.correlation.dependence import intrinsic_dimension, joined_statistics
from idbias.correlation.preprocessing import preprocessed
from idbias.correlation.scale import dimensions_by_scale
from idbias.correlation.similarity import SVCCA_MOST, svcca
from idbias.errors import InputError


def observed_statistics(
    first, second, vectors=None, estimate=None, preprocessing=None, threads=1, alone=None, seed=0,
    with_svcca="auto",
):  # fmt: skip
    """Return the statistics of two sets as they are, name -> float or array.

    first, second: (N, N) squared distances, arrays or h5py datasets. vectors: the two sets
    themselves, (N, ...), for the baselines; None leaves these out. estimate: arguments of
    `intrinsic_dimension`; preprocessing: of `preprocessed`, what is still to be done to the vectors.
    alone: called with "first" or "second" and the InputError of a set that has no I_d of its own (a
    few classes, a grid), which is NaN then; without it the error is raised.
    seed: of the parts of `dimensions_by_scale`. with_svcca: True, False, or "auto", where it costs little.
    first, second, joined: I_d. scale_ratio: of the root mean square distances of both. scale/...:
    what `dimensions_by_scale` returns. With baselines those of `joined_statistics`, and svcca where
    that can be had.
    """
    estimate = estimate or {}
    found = {}
    for name, squared in (("first", first), ("second", second)):
        try:
            found[name] = intrinsic_dimension(squared, **estimate)
        except InputError as error:
            if alone is None:
                raise
            alone(name, error)
            found[name] = np.nan
    order, baselines = np.arange(len(first))[None], vectors is not None
    both = joined_statistics(first, second, order, **estimate, baselines=baselines, threads=threads)
    found |= {name: float(value[0]) for name, value in both.items()}
    found["joined"] = found.pop("intrinsic_dimension")
    found["scale_ratio"] = root_mean_square_distance(first) / root_mean_square_distance(second)
    fit = {name: estimate[name] for name in ("estimator", "mu_fraction") if name in estimate}
    scales = dimensions_by_scale(first, second, seed, **fit, threads=threads)
    found |= {f"scale/{name}": values for name, values in scales.items()}
    if baselines and with_svcca:
        ready = [preprocessed(one, **(preprocessing or {})) for one in vectors]
        value = svcca(*ready, most=SVCCA_MOST[with_svcca])
        if value is not None:
            found["svcca"] = value
    return found
