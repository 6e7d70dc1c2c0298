"""One byte that has changed in any kind of dataset is said to be damage, and never read."""

import h5py
import numpy as np
import pytest

from idbias import files
from idbias.correlation import distances
from idbias.correlation.arrays import write_pairs
from idbias.correlation.joined_measures import nearest_joined
from idbias.errors import InputError

ARRAYS = {
    "numbers": np.arange(100),
    "many numbers": np.arange(300_000.0),
    "flags": np.arange(50) % 3 == 0,
    "rows": np.random.default_rng(0).normal(size=(700, 300)),
    "wide rows": np.random.default_rng(0).normal(size=(2, 200_000)),
    "one": np.ones(1, np.float32),
    "images": np.random.default_rng(0).random((4, 3, 8, 8), np.float32),
}


def flip_in(path, name):
    """Flip a bit of a dataset: of the middle of its first chunk, of distances of row 500."""
    with h5py.File(path) as file:
        dataset = file[name]
        chunk = dataset.id.get_chunk_info(0) if dataset.chunks else None
        place = chunk.byte_offset if chunk else dataset.id.get_offset()
        width = (dataset.chunks or dataset.shape)[-1] * dataset.dtype.itemsize
        place += 500 * width + 40 if name == distances.DATASET else chunk.size // 2
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_flipped_bit_of_an_array_is_damage(tmp_path, name):
    path = tmp_path / "a.h5"
    files.write(path, ARRAYS)
    found, _ = files.read(path)
    np.testing.assert_array_equal(found[name], ARRAYS[name])
    assert found[name].dtype == ARRAYS[name].dtype
    flip_in(path, name)
    with pytest.raises(InputError, match=r"a\.h5 is damaged .*delete it and run again"):
        files.read(path)


def test_scalars_and_what_is_empty_are_kept_too(tmp_path):
    files.write(
        tmp_path / "a.h5", {"scalar": 3.0, "none": np.zeros((0, 3)), "narrow": np.zeros((2, 0))}
    )
    found, _ = files.read(tmp_path / "a.h5")
    assert found["scalar"] == 3
    assert (found["none"].shape, found["narrow"].shape) == ((0, 3), (2, 0))


@pytest.mark.parametrize("name", ["index", "label", "first", "second"])
def test_a_flipped_bit_of_pairs_is_damage(tmp_path, name):
    rng = np.random.default_rng(0)
    for key, array in {"x": rng.normal(size=(60, 3)), "y": rng.normal(size=(60, 2, 2, 2))}.items():
        np.save(tmp_path / f"{key}.npy", array)
    np.save(tmp_path / "labels.npy", np.arange(60) % 3)
    path = tmp_path / "pairs.h5"
    write_pairs(path, *(str(tmp_path / f"{key}.npy") for key in ("x", "y", "labels")))
    flip_in(path, name)
    with pytest.raises(InputError, match=r"pairs\.h5 is damaged"):
        files.read(path)


@pytest.mark.parametrize("large_bytes", [0, 2**30], ids=["tiles", "rows"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_flipped_bit_of_distances_is_damage_however_they_are_read(
    tmp_path, monkeypatch, large_bytes, dtype
):
    monkeypatch.setattr(distances, "LARGE_BYTES", large_bytes)
    vectors = np.random.default_rng(0).normal(size=(1100, 5))
    path = tmp_path / "d.h5"
    distances.write_squared_distances(vectors, path, dtype)
    order = np.random.default_rng(0).permutation(1100)[None]

    def reads():
        yield lambda matrix: matrix[()]
        yield lambda matrix: np.asarray(matrix, np.float64)
        yield lambda matrix: matrix[300:900]
        yield lambda matrix: matrix[500]
        yield lambda matrix: nearest_joined(matrix, matrix, order)

    with files.opened(path) as file:
        found = [read(file[distances.DATASET]) for read in reads()]
    np.testing.assert_array_equal(found[0], distances.squared_distances(vectors, dtype))
    flip_in(path, distances.DATASET)
    for read in reads():
        with files.opened(path) as file:
            matrix = file[distances.DATASET]
            np.testing.assert_array_equal(matrix[:500], found[0][:500])
            with pytest.raises(InputError, match=r"d\.h5 is damaged \(checksum of row 500 of"):
                read(matrix)
    flip_in(path, "row_sums")
    with pytest.raises(InputError, match=r"d\.h5 is damaged"), files.opened(path) as file:
        file[distances.DATASET]
