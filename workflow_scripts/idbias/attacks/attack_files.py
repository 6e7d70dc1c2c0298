"""Files of adversarial images that were made elsewhere: checked, and written as idbias reads them."""

import numpy as np

from idbias import files
from idbias.attacks.perturbations import ROUNDING
from idbias.correlation.arrays import read_array
from idbias.datasets.images import image_counts, images_at, parts_of, read_images
from idbias.errors import InputError
from idbias.provenance import GIVEN, described
from idbias.shards import rows_at

BLOCK = 512
# Rows whose nearest image is looked for, to notice another order.
LOOKED_AT = 200
# Share of them that must be nearest to their own: in another order it is about one of them.
NEAREST = 0.2


def write(output, dataset, wanted, path, index=None, labels=None):
    """Check adversarial images and write them to `output`: adversarial float32 (N, C, H, W), index.

    dataset: file of the images; wanted: how many of its images are attacked, from the first; path,
    index, labels: arrays, named as for idbias.correlation.arrays.read_array: images (N, C, H, W) in
    [0, 1]; positions (N,) of those in the dataset, or None if row i is image i; their true classes
    (N,), or None. Raises InputError, in one sentence, if they do not fit the dataset.
    """
    array = read_array(path)
    total, _ = image_counts(dataset)
    first, _ = read_images(dataset, "masked", slice(0, 1))
    check_kind(path, array, first.shape[1:])
    rows = positions(path, array, index, wanted, total)
    if labels:
        check_labels(labels, read_array(labels), rows, dataset)
    check_order(path, array, rows, dataset)
    order = np.argsort(rows, kind="stable")
    with files.creating(output) as file:
        kept = file.create_dataset("adversarial", array.shape, np.float32)
        file.create_dataset("index", data=rows[order])
        for start in range(0, len(order), BLOCK):
            chosen = order[start : start + BLOCK]
            kept[start : start + BLOCK] = in_range(path, rows_at(array, chosen))
            file.check()
        settings = {"path": path, "index": index, "labels": labels}
        files.stamp(file, {"settings": settings, GIVEN: described(settings.values())})


def check_kind(path, array, shape):
    """Raise InputError unless `array` holds images of `shape` (C, H, W), as floating-point numbers."""
    if array.ndim != 4 or array.shape[1:] != tuple(shape):
        swapped = array.ndim == 4 and (array.shape[3], *array.shape[1:3]) == tuple(shape)
        hint = " (channels come second: transpose(0, 3, 1, 2))" if swapped else ""
        raise InputError(
            f"{path} has shape {array.shape}, but the dataset's images are {tuple(shape)}: give an "
            f"array (N, {', '.join(map(str, shape))}){hint}."
        )
    if array.dtype.kind != "f":
        raise InputError(
            f"{path} holds {array.dtype}; give floating-point pixels in [0, 1], such as "
            "images / 255."
        )


def positions(path, array, index, wanted, total):
    """Return each row's position in the dataset, int64 (N,).

    Raises InputError if rows are too few or too many, or the array named `index` does not hold N
    different positions from 0 to total - 1.
    """
    rows = len(array)
    if index is None:
        if rows not in (wanted, total):
            numbers = " or ".join(str(number) for number in sorted({wanted, total}))
            raise InputError(
                f"{path} has {rows} images, but {numbers} are expected, one for each image of the "
                "dataset; give all, or name the positions of those you have by `index`."
            )
        return np.arange(rows)
    places = np.ravel(read_array(index)[()])
    if len(places) != rows:
        raise InputError(f"{index} has {len(places)} positions, but {path} has {rows} images.")
    if places.dtype.kind not in "iu" and not (places == np.floor(places)).all():
        raise InputError(f"{index} holds {places.dtype}; give whole numbers, positions of images.")
    places = places.astype(np.int64)
    if rows and (places.min() < 0 or places.max() >= total):
        raise InputError(
            f"{index} has positions from {places.min()} to {places.max()}, but the dataset's images "
            f"are 0 to {total - 1}."
        )
    if len(np.unique(places)) != rows:
        values, counts = np.unique(places, return_counts=True)
        raise InputError(
            f"{index} has position {values[counts > 1][0]} more than once; give each image once."
        )
    return places


def check_labels(name, labels, rows, dataset):
    """Raise InputError unless `labels` (N,) are the dataset's true classes of the images `rows`."""
    labels = np.ravel(labels[()])
    if len(labels) != len(rows):
        raise InputError(f"{name} has {len(labels)} classes for {len(rows)} adversarial images.")
    with files.opened(dataset) as file:
        truth = np.concatenate([file[part]["labels"][()] for part in parts_of(file, "masked")])
    wrong = np.flatnonzero(labels != truth[rows])
    if len(wrong):
        row = wrong[0]
        raise InputError(
            f"{name} says class {labels[row]} in row {row}, but image {rows[row]} of the dataset is of "
            f"class {truth[rows[row]]} ({len(wrong)} of {len(rows)} differ): these are other images, "
            "or the same in another order; give `index`."
        )


def check_order(path, array, rows, dataset):
    """Raise InputError unless adversarial images are nearest (l2) to the images they are said to be of.

    `rows` (N,): which images they are. Up to LOOKED_AT of them are compared with each other's, and
    a share of NEAREST suffices: large perturbations of small images may move some to a neighbour.
    """
    looked_at = np.unique(np.linspace(0, len(rows) - 1, LOOKED_AT).astype(int))
    if len(looked_at) < 2:
        return
    attacked = in_range(path, rows_at(array, looked_at))
    attacked, clean = (
        images.reshape(len(looked_at), -1).astype(np.float64)
        for images in (attacked, images_at(dataset, rows[looked_at]))
    )
    distances = (clean**2).sum(1) - 2 * attacked @ clean.T
    own = (distances.argmin(1) == np.arange(len(looked_at))).mean()
    if own < NEAREST:
        raise InputError(
            f"{path}: only {own:.0%} of {len(looked_at)} adversarial images looked at are nearest to "
            "the image they are said to be of; these are other images, or the same in another order: "
            "give `index`, the position of each in the dataset."
        )


def in_range(path, block):
    """Return images as float32, cut to [0, 1].

    Raises InputError if a value is not finite, or lies outside by more than rounding.
    """
    if not np.isfinite(block).all():
        raise InputError(f"{path} holds pixels that are not finite; leave those images out.")
    low, high = block.min(), block.max()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise InputError(
            f"{path} holds pixels from {low:.4g} to {high:.4g}; give images in [0, 1], before any "
            "normalisation."
        )
    return np.clip(block, 0, 1).astype(np.float32)
