"""Datasets: where images come from, and the HDF5 file all later stages read them from."""

from functools import partial
from pathlib import Path

import h5py
import numpy as np

from idbias import files
from idbias.datasets import archives
from idbias.errors import InputError
from idbias.files import replacing
from idbias.progress import progress


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


def write_digits(path, settings, seed, sources):
    """Write the digits as a dataset file."""
    classes = [str(digit) for digit in range(10)]
    attributes = {
        "settings": settings,
        "seed": seed,
        "classes": classes,
        "scale": 1 / 16,
        "masked": settings["masked"],
    }
    files.write(path, digits(settings["train_images"], seed), attributes)


def write_spiral(path, settings, seed, sources):
    """Write the spiral of Table 1 as a dataset file: x and y, float64 (N, 1)."""
    from idbias.correlation.spiral import spiral

    x, y = np.asarray(spiral(settings["points"], seed)).reshape(settings["points"], 2).T
    datasets = {"first": x[:, None], "second": y[:, None]}
    files.write(path, datasets, {"settings": settings, "seed": seed})


def write_archive(path, settings, seed, sources):
    """Write a dataset file from published archives, or the user's own, in `sources` (paths).

    Large sets go straight from the archive into the file, so that memory stays bounded.
    """
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        names = iter(("train/images", "test/images"))

        def allocate(shape, dtype):
            return file.create_dataset(next(names), shape, dtype, **files.storage(shape))

        dataset = read_archive(settings, seed, sources, allocate)
        for part in ("train", "test"):
            images, labels = getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")
            if isinstance(images, np.ndarray):
                file.create_dataset(f"{part}/images", data=images, **files.storage(images.shape))
            file.create_dataset(f"{part}/labels", data=labels)
        about = {"settings": settings, "seed": seed, "classes": list(dataset.classes)}
        files.stamp(file, {**about, "scale": 1 / 255, "masked": settings["masked"]})


def read_archive(settings, seed, sources, allocate):
    """Return the `archives.Dataset` that `settings` describe, read from the paths `sources`."""
    source = settings["source"]
    if source in ("mnist", "fashion_mnist", "svhn"):
        folder = sources[0] if Path(sources[0]).is_dir() else Path(sources[0]).parent
        return getattr(archives, source)(folder)
    if source in ("cifar10", "cifar100"):
        return getattr(archives, source)(sources[0])
    common = {"allocate": allocate, "progress": partial(progress, label="images")}
    size, fit = settings["size"], settings["fit"]
    if source == "imagenet":
        labels = sources[1] if len(sources) > 1 else None
        return archives.imagenet(sources[0], labels, size or 224, fit, **common)
    if source == "folder":
        return archives.image_folder(
            sources[0], size, fit, settings["channels"], settings["test_fraction"], seed, **common
        )
    return archives.imagenette(sources[0], size or 224, seed=seed, **common)


def write(path, settings, seed, sources=()):
    """Write the dataset file that `settings` (a checked section of the configuration) describe.

    `sources`: paths of the files it is read from, none for those that come with a package.
    Raises InputError if these are not what they should be; then no file is left.
    """
    own = {"digits": write_digits, "spiral": write_spiral}
    own.get(settings["source"], write_archive)(path, settings, seed, list(sources))
