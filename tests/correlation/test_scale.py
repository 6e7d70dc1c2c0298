"""I_d against scale: each part's estimate is dadapy's of these points alone."""

import h5py
import numpy as np
import pytest
from dadapy import Data

from idbias.correlation import scale
from idbias.correlation.distances import squared_distances
from idbias.correlation.scale import dimensions_by_scale
from idbias.streams import generator


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(450, 2))
    return first, np.hstack([first**2, 0.02 * rng.normal(size=(450, 3))])


def test_each_part_has_dadapy_s_estimate_of_its_points(sets):
    found = dimensions_by_scale(*map(squared_distances, sets), seed=3)
    assert found["parts"].tolist() == [1, 2, 4]
    ranks = generator("scale", 3, 450).permutation(450)
    vectors = {"first": sets[0], "second": sets[1], "joined": np.hstack(sets)}
    for name, points in vectors.items():
        for s, parts in enumerate(found["parts"]):
            alone = [
                Data(points[ranks % parts == part]).compute_id_2NN()[0] for part in range(parts)
            ]
            assert found[name][s] == pytest.approx(np.mean(alone), rel=1e-6)
            assert found[f"{name}_std"][s] == pytest.approx(np.std(alone), rel=1e-4, abs=1e-6)


def test_blocks_from_disk_and_threads_change_nothing(sets, tmp_path, monkeypatch):
    a, b = map(squared_distances, sets)
    whole = dimensions_by_scale(a, b, seed=0)
    monkeypatch.setattr(scale, "STREAMED_BYTES", 70 * 450 * 8)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["a"], file["b"] = a, b
        cut = dimensions_by_scale(file["a"], file["b"], seed=0, threads=2)
    for name, values in whole.items():
        assert np.array_equal(values, cut[name]), name


def test_noise_below_the_spacing_of_few_points_shows_with_many():
    rng = np.random.default_rng(1)
    line = np.hstack([rng.random((3200, 1)), 1e-4 * rng.normal(size=(3200, 3))])
    squared = squared_distances(line)
    found = dimensions_by_scale(squared, squared, seed=0)
    assert found["parts"].tolist() == [1, 2, 4, 8, 16, 32]
    assert found["first"][0] > 1.5
    assert found["first"][-1] < 1.2
    assert (np.diff(found["first"]) < 0).all()


def test_a_part_without_a_dimension_ends_the_list(sets):
    squared = squared_distances(np.repeat(sets[0][:2], 200, axis=0))
    found = dimensions_by_scale(squared, squared, seed=0)
    assert all(len(values) == 0 for values in found.values())
    few = squared_distances(sets[0][:90])
    assert dimensions_by_scale(few, few, seed=0)["parts"].tolist() == [1]
