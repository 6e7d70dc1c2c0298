"""Images as the stages read them."""

import numpy as np
import pytest
import torch

from idbias import files
from idbias.classifiers.training_data import as_float
from idbias.datasets.images import read_images
from idbias.errors import InputError


@pytest.fixture
def dataset(tmp_path):
    def write(scale):
        path = tmp_path / "dataset.h5"
        images = np.arange(256, dtype=np.uint8).reshape(4, 1, 8, 8)
        arrays = {f"{part}/images": images for part in ("train", "test")}
        arrays |= {f"{part}/labels": np.arange(4) for part in ("train", "test")}
        files.write(path, arrays, {"scale": scale, "masked": "test", "classes": '["a"]'})
        return path

    return write


def test_bytes_are_kept_and_train_on_the_very_numbers_that_other_stages_read(dataset):
    path = dataset(1 / 255)
    floats, labels = read_images(path, "train")
    kept, same = read_images(path, "train", keep_bytes=True)
    assert kept.dtype == np.uint8
    assert np.array_equal(labels, same)
    assert floats.min() == 0
    assert floats.max() == 1
    assert torch.equal(as_float(torch.from_numpy(kept)), torch.from_numpy(floats))


def test_pixels_of_another_range_never_come_as_bytes(dataset):
    # Training takes bytes for 0 to 255.
    kept, _ = read_images(dataset(1 / 16), "train", keep_bytes=True)
    assert kept.dtype == np.float32
    assert kept[0, 0, 2, 0] == 1


def test_a_slice_beyond_the_images_is_refused(dataset):
    with pytest.raises(InputError, match="has 4 images to mask"):
        read_images(dataset(1 / 255), "masked", slice(2, 5))
