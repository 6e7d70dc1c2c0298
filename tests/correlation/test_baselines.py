"""Distance correlation and HSIC against dcor, on the shuffles of the I_d test, blocks from disk too."""

import h5py
import numpy as np
import pytest
from conftest import shared_folder
from filelock import FileLock
from scipy.spatial.distance import cdist
from scipy.stats import kstest

from idbias.correlation import dependence, joined_measures
from idbias.correlation.baselines import NAMES, Products, median_distance
from idbias.correlation.dependence import joined_statistics, shuffle, shuffled_statistics
from idbias.correlation.distances import squared_distances
from idbias.correlation.joined_measures import measure_joined
from idbias.correlation.observed_statistics import observed_statistics
from idbias.correlation.preprocessing import preprocessed
from idbias.correlation.significance import effects


@pytest.fixture(scope="module")
def dcor(tmp_path_factory, worker_id):
    """One worker imports it at a time: it compiles then, half a minute, and numba's cache bears no race."""
    with FileLock(shared_folder(tmp_path_factory, worker_id) / "dcor.lock"):
        import dcor
    return dcor


def oracle(dcor, first, second):
    """The three statistics from dcor's U-centring and U-products."""

    def cosine(a, b):
        a, b = dcor.u_centered(a), dcor.u_centered(b)
        return dcor.u_product(a, b) / np.sqrt(dcor.u_product(a, a) * dcor.u_product(b, b))

    def gaussian(z):
        distances = cdist(z, z)
        width = np.median(distances[~np.eye(len(z), dtype=bool)])
        # dcor's U-centring is of dissimilarities, whose diagonal is 0.
        return 1 - np.exp(-(distances**2) / (2 * width**2))

    return (
        dcor.u_distance_correlation_sqr(first, second),
        cosine(first @ first.T * (1 - np.eye(len(first))), second @ second.T * (1 - np.eye(len(second)))),
        cosine(gaussian(first), gaussian(second)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(150, 5))
    return first, np.hstack([first[:, :2] ** 2, 0.3 * rng.normal(size=(150, 2))])


def test_values_equal_dcor_as_they_are_and_shuffled(dcor, sets):
    a, b = (squared_distances(z) for z in sets)
    observed, _ = observed_statistics(a, b, sets)
    found = [observed[name] for name in NAMES]
    assert found == pytest.approx(oracle(dcor, *sets), rel=1e-8, abs=1e-8)
    shuffled = shuffled_statistics(a, b, range(4), seed=3)
    for r in range(4):
        found = [shuffled[name][r] for name in NAMES]
        expected = oracle(dcor, sets[0], sets[1][shuffle(150, 3, r)])
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-8)
    assert observed["joined"] == dependence.intrinsic_dimension(a, b)
    alone = dependence.shuffled_dimensions(a, b, range(4), 3)
    assert np.array_equal(shuffled["intrinsic_dimension"], alone)


def test_standardised_vectors_in_many_dimensions_keep_eight_digits(dcor):
    # Distances that hardly spread: centring loses the most digits there.
    rng = np.random.default_rng(1)
    sets = [preprocessed(rng.normal(size=(200, 2000)), "standardise_unit_length") for _ in range(2)]
    found = joined_statistics(*map(squared_distances, sets), np.arange(200)[None])
    assert [found[name][0] for name in NAMES] == pytest.approx(oracle(dcor, *sets), abs=1e-8)


def test_blocks_from_disk_threads_and_shards_change_nothing(sets, tmp_path, monkeypatch):
    monkeypatch.setattr(joined_measures, "STREAMED_BYTES", 40 * 150 * 8)
    a, b = (squared_distances(z) for z in sets)
    orders = np.stack([shuffle(150, 3, r) for r in range(6)])
    whole = joined_statistics(a, b, orders)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["a"], file["b"] = a, b
        measure = Products(orders, file["a"], file["b"])
        measure_joined(file["a"], file["b"], orders, [measure], threads=3, held_bytes=70 * 150 * 8)
        for name, values in measure.statistics().items():
            assert np.array_equal(values, whole[name]), name
        some = shuffled_statistics(file["a"], file["b"], [5, 2], 3, threads=2)
    for name in whole:
        assert np.array_equal(some[name], whole[name][[5, 2]]), name


def test_p_counts_the_shuffles_that_show_as_much(sets):
    a, b = (squared_distances(z) for z in sets)
    shuffled = shuffled_statistics(a, b, range(19), 0)
    row = effects(observed_statistics(a, b, sets)[0], shuffled)
    for name in NAMES:
        count = sum(shuffled[name] >= row[name])
        assert row[f"{name}_p"] == pytest.approx((1 + count) / 20)
    assert row["hsic_gaussian_p"] == pytest.approx(1 / 20)


def test_p_values_are_uniform_for_independent_sets():
    ps = {name: [] for name in NAMES}
    for seed in range(150):
        rng = np.random.default_rng((2, seed))
        a, b = (squared_distances(rng.random((20, 2))) for _ in range(2))
        orders = np.stack([np.arange(20), *(shuffle(20, seed, r) for r in range(19))])
        measure = Products(orders, a, b)
        measure_joined(a, b, orders, [measure])
        found = measure.statistics()
        observed = {name: values[0] for name, values in found.items()}
        shuffled = {name: values[1:] for name, values in found.items()}
        row = effects(observed, shuffled)
        for name in NAMES:
            ps[name].append(row[f"{name}_p"])
    for name, values in ps.items():
        assert kstest(np.array(values) - 0.5 / 20, "uniform").pvalue > 0.005, name


def test_a_set_without_spread_depends_on_nothing():
    rng = np.random.default_rng(0)
    found = joined_statistics(
        squared_distances(rng.random((30, 2))), squared_distances(np.eye(30)), np.arange(30)[None]
    )
    assert [found[name][0] for name in NAMES] == pytest.approx([0, 0, 0], abs=1e-9)
    assert joined_statistics(*[squared_distances(np.arange(3.0) ** 2)] * 2, np.arange(3)[None]).keys() == {
        "intrinsic_dimension"
    }  # fmt: skip


def test_the_median_distance_of_many_points_is_that_of_some(tmp_path):
    points = np.random.default_rng(0).normal(size=(2500, 3))
    squared = squared_distances(points, "float32")
    distances = np.sqrt(squared[~np.eye(2500, dtype=bool)])
    assert median_distance(squared) == pytest.approx(np.median(distances), rel=0.01)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["d"] = squared
        assert median_distance(file["d"]) == median_distance(squared)
    coinciding = squared_distances(np.repeat([0.0, 2.0], [9, 1]))
    assert median_distance(coinciding) == pytest.approx(np.sqrt(0.2 * 4))
