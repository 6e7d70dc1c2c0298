"""Datasets: where images come from, and the HDF5 file all later stages read them from."""

import numpy as np

from idbias import files
from idbias.errors import InputError


def digits(train_images, seed):
    """Return scikit-learn's 1,797 handwritten digits, split by class in proportion.

    Source: UCI optical recognition of handwritten digits, test part, 8 by 8 pixels of 0 to 16.
    `train_images`: how many train, the others test. Returns name -> array: {train,test}/images
    uint8 (N, 1, 8, 8), {train,test}/labels int64 (N,). Pixels are scaled by 1/16.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    if not 10 <= train_images <= len(images) - 10:
        raise InputError(
            f"train_images is {train_images}, but the digits have {len(images)} images of 10 classes; "
            f"allowed are 10 to {len(images) - 10}."
        )
    images = images.reshape(-1, 1, 8, 8).astype(np.uint8)
    parts = train_test_split(
        images, labels, train_size=train_images, stratify=labels, random_state=seed
    )
    names = ("train/images", "test/images", "train/labels", "test/labels")
    return dict(zip(names, parts, strict=True))


def write_digits(path, settings, seed):
    """Write the digits as a dataset file."""
    classes = [str(digit) for digit in range(10)]
    attributes = {"settings": settings, "seed": seed, "classes": classes, "scale": 1 / 16}
    files.write(path, digits(settings["train_images"], seed), attributes)


def write_spiral(path, settings, seed):
    """Write the spiral of Table 1 as a dataset file: x and y, float64 (N, 1)."""
    from idbias.spiral import spiral

    x, y = np.asarray(spiral(settings["points"], seed)).reshape(settings["points"], 2).T
    datasets = {"first": x[:, None], "second": y[:, None]}
    files.write(path, datasets, {"settings": settings, "seed": seed})


WRITERS = {"digits": write_digits, "spiral": write_spiral}


def write(path, settings, seed):
    """Write the dataset file that `settings` (a checked section of the configuration) describe."""
    WRITERS[settings["source"]](path, settings, seed)
