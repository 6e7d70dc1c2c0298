"""Effect sizes against dadapy, dcor and scikit-learn, and what planted sets give."""

import h5py
import numpy as np
import pytest
from dadapy import MetricComparisons
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

from idbias.correlation import joined_measures
from idbias.correlation.decodability import class_decoded
from idbias.correlation.dependence import joined_statistics, shuffle, shuffled_statistics
from idbias.correlation.distance_correlation import delete_one, interval
from idbias.correlation.distances import squared_distances
from idbias.correlation.information import NAMES
from idbias.correlation.significance import effects


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(150, 5))
    return first, np.hstack([first[:, :2] ** 2, 0.3 * rng.normal(size=(150, 2))])


def dadapy_information(first, second):
    """1 - dadapy's information imbalance of all neighbours, both ways."""
    data = MetricComparisons(np.hstack([first, second]), maxk=len(first) - 1, n_jobs=1)
    columns = np.arange(data.dims)
    split = first.shape[1]
    imbalances = data.return_inf_imb_two_selected_coords(columns[:split], columns[split:])
    return [1 - value for value in imbalances]


def test_information_equals_dadapy_s_as_it_is_and_shuffled(sets, tmp_path, monkeypatch):
    first, second = sets
    a, b = squared_distances(first), squared_distances(second)
    orders = np.stack([np.arange(150), *(shuffle(150, 0, r) for r in range(3))])
    statistics = joined_statistics(a, b, orders)
    for r, order in enumerate(orders):
        values = [statistics[name][r] for name in NAMES]
        assert values == pytest.approx(dadapy_information(first, second[order]), abs=1e-10)
    monkeypatch.setattr(joined_measures, "STREAMED_BYTES", 40 * 150 * 8)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["a"], file["b"] = a, b
        streamed = joined_statistics(file["a"], file["b"], orders, threads=2)
    for name in NAMES:
        np.testing.assert_array_equal(streamed[name], statistics[name])


def test_information_of_coinciding_points_takes_the_mean_of_their_ranks():
    # Point 0 and 1 coincide in the second set; the nearest of 2 in the first, 3, is as near as 0 and 1.
    first = np.subtract.outer(*[np.array([0, 10, 21, 21.5, 40])] * 2) ** 2
    x, y = np.array([1, 1, 0, -1, 0]), np.array([0, 0, 0, 0, 5])
    second = np.subtract.outer(x, x) ** 2.0 + np.subtract.outer(y, y) ** 2
    statistics = joined_statistics(first, second, np.arange(5)[None])
    # Ranks by hand, point by point: nearest in the first -> among those in the second.
    ranks = [1, 1, 2, 1, 3]
    assert statistics[NAMES[0]][0] == pytest.approx(1 - 2 / 5 * np.mean(ranks))


@pytest.mark.parametrize("dimensions", [2, 20])
def test_effects_are_0_for_independent_sets_and_1_for_a_copy(dimensions):
    rng = np.random.default_rng(dimensions)
    a, b = (squared_distances(rng.normal(size=(300, dimensions))) for _ in range(2))
    copy, apart = (joined_statistics(a, other, np.arange(300)[None]) for other in (a, b))
    assert copy["distance_correlation"][0] == pytest.approx(1)
    assert abs(apart["distance_correlation"][0]) < 0.03
    for name in NAMES:
        assert copy[name][0] == pytest.approx(1 - 2 / 300)
        assert abs(apart[name][0]) < 0.12


def test_values_without_each_point_are_those_of_the_other_points(sets):
    a, b = (squared_distances(z[:40]) for z in sets)
    value, without = delete_one(a, b)
    order = np.arange(39)[None]
    expected = [
        joined_statistics(
            *(np.delete(np.delete(z, row, 0), row, 1) for z in (a, b)), order
        )["distance_correlation"][0]
        for row in range(40)
    ]  # fmt: skip
    assert without == pytest.approx(expected, rel=1e-9)
    whole = joined_statistics(a, b, np.arange(40)[None])["distance_correlation"][0]
    assert value == pytest.approx(whole, rel=1e-9)


def test_nineteen_of_twenty_intervals_hold_the_value_of_many_points():
    def planted(count, seed):
        rng = np.random.default_rng((3, seed))
        first = rng.normal(size=(count, 3))
        return squared_distances(first), squared_distances(first + rng.normal(size=(count, 3)))

    truth, _, _ = interval(*planted(2000, 0))
    intervals = [interval(*planted(80, seed)) for seed in range(1, 101)]
    held = sum(low <= truth <= high for _, low, high in intervals)
    # Of 100 at 95 %, fewer than 89 come three times in a thousand.
    assert held >= 89


def test_within_strata_an_effect_is_what_they_leave(sets):
    a, b = (squared_distances(z) for z in sets)
    labels = np.arange(150) % 5
    shuffled = shuffled_statistics(a, b, range(9), 0, labels=labels)
    observed = {
        name: value[0] for name, value in joined_statistics(a, b, np.arange(150)[None]).items()
    }
    numbers = effects(observed, shuffled, "class")
    for name in (*NAMES, "distance_correlation"):
        left = observed[name] - shuffled[name].mean()
        assert numbers[name] == pytest.approx(left)
        count = (shuffled[name] >= observed[name]).sum()
        assert numbers[f"{name}_p"] == pytest.approx((1 + count) / 10)
    assert "distance_correlation_low" not in numbers


def test_a_class_is_decoded_as_well_as_scikit_learn_s_ridge_classifier_does():
    pixels, labels = load_digits(return_X_y=True)
    pixels, labels = pixels[:400], labels[:400]
    share, scrambled = class_decoded(squared_distances(pixels), labels, seed=0)
    penalty = np.var(pixels, axis=0).sum()
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    expected = cross_val_score(RidgeClassifier(penalty), pixels, labels, cv=folds).mean()
    assert share == pytest.approx(expected, abs=0.03)
    assert scrambled < 0.25
    assert np.isnan(class_decoded(squared_distances(pixels[:20]), np.zeros(20), 0)).all()
