"""Squared distances: exact where it is hard, the same whatever the threads, never half-written."""

import h5py
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from idbias import files
from idbias.correlation import distances
from idbias.correlation.distances import squared_distances, write_squared_distances
from idbias.correlation.joined_measures import nearest_joined
from idbias.correlation.kernels_numba import compiled
from idbias.errors import InputError


@pytest.mark.parametrize(
    ("points", "columns"),
    [(3, 1), (1300, 7), (40, 20_000)],  # within a tile; over a band's end; over a chunk's end
)
def test_equals_differences_squared(points, columns):
    vectors = np.random.default_rng(0).normal(size=(points, columns))
    found = squared_distances(vectors)
    np.testing.assert_allclose(found, cdist(vectors, vectors, "sqeuclidean"), rtol=1e-10)
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-5])
def test_near_duplicates_far_from_the_origin_keep_their_digits(dtype, gap):
    rng = np.random.default_rng(0)
    centers = 100 + rng.normal(size=(100, 64))
    vectors = np.vstack([centers, centers + gap * rng.normal(size=(100, 64))]).astype(dtype)
    exact = vectors.astype(np.longdouble)
    exact = ((exact[:, None] - exact) ** 2).sum(axis=2)
    off_diagonal = ~np.eye(200, dtype=bool)

    def error(found):
        return float(np.abs(found / np.where(exact > 0, exact, 1) - 1)[off_diagonal].max())

    assert error(squared_distances(vectors)) < 1e-9
    assert error(squared_distances(vectors, "float32").astype(np.longdouble)) < 1e-7


@pytest.mark.parametrize("large_bytes", [0, 2**30])
def test_threads_and_storage_do_not_change_a_bit(tmp_path, monkeypatch, large_bytes):
    monkeypatch.setattr(distances, "LARGE_BYTES", large_bytes)
    vectors = np.random.default_rng(0).normal(size=(2100, 30)).astype(np.float32)
    expected = squared_distances(vectors)
    assert np.array_equal(squared_distances(vectors, threads=3), expected)
    with h5py.File(tmp_path / "vectors.h5", "w") as file:
        file.create_dataset("masks", data=vectors.reshape(2100, 2, 3, 5), chunks=(1, 2, 3, 5))
    with h5py.File(tmp_path / "vectors.h5") as file:
        write_squared_distances(
            file["masks"], tmp_path / "d.h5", attributes={"set": "first"}, threads=2
        )
    found, attributes = files.read(tmp_path / "d.h5")
    assert np.array_equal(found[distances.DATASET], expected)
    assert attributes["set"] == "first"
    with h5py.File(tmp_path / "d.h5") as file:
        matrix = file[distances.DATASET]
        assert (matrix.chunks is not None) == (large_bytes == 0)
        order = np.random.default_rng(0).permutation(2100)[None]
        nearest = nearest_joined(matrix, matrix, order, held_bytes=300 * matrix.nbytes // 2100)
    assert np.array_equal(nearest, nearest_joined(expected, expected, order))


def test_a_dataset_larger_than_memory_is_read_band_by_band(tmp_path, monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(1500, 4))
    with h5py.File(tmp_path / "vectors.h5", "w") as file:
        file["masks"] = vectors
    monkeypatch.setattr(distances, "HELD_BYTES", 0)
    with h5py.File(tmp_path / "vectors.h5") as file:
        found = squared_distances(file["masks"], threads=2)
    assert np.array_equal(found, squared_distances(vectors))


def test_matrix_products_on_a_torch_device_agree():
    vectors = np.random.default_rng(0).normal(size=(200, 30))
    # "cpu:0" takes the way that "cuda" takes; plain "cpu" is numpy's.
    found = squared_distances(vectors, device="cpu:0")
    np.testing.assert_allclose(found, squared_distances(vectors), rtol=1e-12)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64])
def test_integers_and_booleans_are_numbers(kind):
    vectors = np.random.default_rng(0).integers(0, 2, (20, 6)).astype(kind)
    expected = cdist(vectors.astype(float), vectors.astype(float), "sqeuclidean")
    np.testing.assert_array_equal(squared_distances(vectors).round(9), expected)


@pytest.mark.parametrize(
    ("vectors", "dtype", "message"),
    [
        (
            np.array([[0.0], [np.inf], [1.0]]),
            "float64",
            r"Row 1 \(counted from 0\) holds NaN or inf",
        ),
        (np.array([0.0, 1.0, 1e25]), "float32", "do not fit float32"),
        (np.array([0.0, 1.0, 1.0 + 1e-13]) * 1e-10, "float32", "do not fit float32"),
        (np.array(["a", "b", "c"]), "float64", "is not N vectors"),
        (np.zeros((5, 0)), "float64", "is not N vectors"),
    ],
)
def test_bad_vectors_get_a_sentence_and_leave_no_file(vectors, dtype, message, tmp_path):
    with pytest.raises(InputError, match=message):
        write_squared_distances(vectors, tmp_path / "d.h5", dtype)
    assert not list(tmp_path.iterdir())


def test_compiles_without_a_place_for_the_cache():
    # Source that is no file has no place beside it either: numba refuses to cache such a function.
    names = {}
    exec("def double(x):\n    return 2 * x", names)
    assert compiled(names["double"])(4) == 8
