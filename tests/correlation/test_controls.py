"""Controls of the whole test: independent sets raise no alarm, a planted dependence does."""

import numpy as np
import pytest

from idbias.correlation.dependence import (
    intrinsic_dimension,
    shuffled_dimensions,
    shuffled_statistics,
)
from idbias.correlation.distances import squared_distances
from idbias.correlation.observed_statistics import observed_statistics
from idbias.correlation.row import numbers_of
from idbias.correlation.significance import permutation_p, z_test
from idbias.correlation.similarity import r_squared
from idbias.report.answers import answer


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


def hidden_number(rng):
    """Two functions of one number, with a little noise in four directions each."""
    hidden = rng.random((400, 1))
    return [
        np.hstack([function(hidden), 0.002 * rng.normal(size=(400, 4))])
        for function in (np.sin, np.square)
    ]


def hidden_angle(rng):
    """A circle gone round once, and another gone round twice."""
    angle = rng.uniform(0, 2 * np.pi, 400)
    return [
        np.stack([np.cos(turns * angle), np.sin(turns * angle)], 1)
        @ np.linalg.qr(rng.normal(size=(6, 2)))[0].T
        + 0.01 * rng.normal(size=(400, 6))
        for turns in (1, 2)
    ]


def places_of_classes(rng):
    """Ten classes, each with a place of its own in both sets, and noise about it."""
    labels = np.arange(400) % 10
    return [rng.normal(size=(10, 6))[labels] + 0.05 * rng.normal(size=(400, 6)) for _ in range(2)]


@pytest.mark.parametrize("planted", [hidden_number, hidden_angle, places_of_classes])
def test_related_sets_that_fill_more_dimensions_are_found_and_said_to(planted):
    a, b = map(squared_distances, planted(np.random.default_rng(0)))
    numbers = numbers_of(*observed_statistics(a, b), shuffled_statistics(a, b, range(99), 0))
    assert numbers["z"] > 2
    assert numbers["p"] > 0.95
    assert numbers["p_two_sided"] <= 0.05
    assert numbers["dimensions_lost"] < 0
    said = answer({"attack": "fmn", "pairs": 400, **numbers})
    assert "depend on each other, though they fill more dimensions than shuffled ones" in said
