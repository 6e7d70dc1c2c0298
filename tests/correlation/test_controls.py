"""Controls of the whole test: independent sets raise no alarm, a planted dependence does."""

import numpy as np

from idbias.correlation.dependence import (
    intrinsic_dimension,
    shuffled_dimensions,
)
from idbias.correlation.distances import squared_distances
from idbias.correlation.significance import permutation_p, z_test
from idbias.correlation.similarity import r_squared


def p_values(first, second, seed):
    first, second = squared_distances(first), squared_distances(second)
    shuffled = shuffled_dimensions(first, second, range(50), seed)
    observed = intrinsic_dimension(first, second)
    return z_test(observed, shuffled)[3], permutation_p(observed, shuffled)[0]


def test_independent_sets_raise_no_alarm():
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found.append(p_values(rng.normal(size=(200, 8)), rng.uniform(size=(200, 4)), seed))
    normal, permutation = np.array(found).T
    # Of 20 true nulls at a level of 1 %, more than 2 alarms come once in a thousand such tests.
    assert (normal < 0.01).sum() <= 2
    assert (normal < 1e-4).sum() == 0
    # Spread over (0, 1]: the mean of 20 uniform numbers has a standard deviation of 0.065.
    assert 0.3 < permutation.mean() < 0.7


def test_a_planted_dependence_that_no_line_shows_is_found():
    rng = np.random.default_rng(0)
    hidden = rng.uniform(-1, 1, 500)
    first = hidden + rng.normal(0, 0.001, 500)
    second = hidden**2 + rng.normal(0, 0.001, 500)
    assert r_squared(first, second) < 0.01
    normal, permutation = p_values(first[:, None], second[:, None], seed=0)
    assert normal < 1e-3
    assert permutation < 0.02
