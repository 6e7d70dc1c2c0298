"""The I_d test against dadapy on the raw joined vectors, and its stated rules."""

import warnings

import numpy as np
import pytest
from dadapy import Data
from sklearn.datasets import load_digits, make_swiss_roll

from idbias.correlation import (
    intrinsic_dimension,
    permutation_p,
    shuffle,
    shuffled_dimensions,
    z_test,
)
from idbias.distances import squared_distances
from idbias.spiral import spiral


def dadapy_dimension(vectors, estimator="base"):
    data = Data(np.asarray(vectors, np.float64), maxk=3, n_jobs=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="There are points with neighbours at 0 distance")
        return data.compute_id_2NN(algorithm=estimator)[0]


def gaussian(points, columns, rng):
    return rng.normal(size=(points, columns))


def uniform(points, columns, rng):
    return rng.random((points, columns))


def swiss_roll(points, columns, rng):
    roll = make_swiss_roll(points, random_state=int(rng.integers(2**31)))[0]
    return roll @ rng.normal(size=(3, columns))


def spirals(points, columns, rng):
    return spiral(points, int(rng.integers(2**31))) @ rng.normal(size=(2, columns))


@pytest.mark.parametrize("points", [50, 1000])
@pytest.mark.parametrize("columns", [2, 64])
@pytest.mark.parametrize("make", [gaussian, uniform, swiss_roll, spirals])
def test_equals_dadapy_on_joined_vectors(make, points, columns):
    rng = np.random.default_rng(0)
    first = make(points, columns, rng)
    second = make(points, columns, rng) + first[:, :1]
    a, b = squared_distances(first), squared_distances(second)
    assert intrinsic_dimension(a) == pytest.approx(dadapy_dimension(first), rel=1e-6)
    joined = dadapy_dimension(np.hstack([first, second]))
    assert intrinsic_dimension(a, b) == pytest.approx(joined, rel=1e-6)
    found = shuffled_dimensions(a, b, range(5), seed=3)
    for r in range(5):
        expected = dadapy_dimension(np.hstack([first, second[shuffle(points, 3, r)]]))
        assert found[r] == pytest.approx(expected, rel=1e-6)
