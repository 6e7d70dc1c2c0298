"""Reading images out of a dataset file. Separate from dataset.py, so that a new source reruns nothing."""

import json

import numpy as np

from idbias import files
from idbias.errors import InputError
from idbias.shards import rows_at


def read_images(path, part, rows=slice(None), keep_bytes=False):
    """Read images and labels of a dataset file.

    `part`: "train", "test", or "masked": those that get masks, which are the test images, followed
    by the training images if the dataset says so. `rows`: a slice of them. `keep_bytes`: leave
    images of 0 to 255 (not the digits', of 0 to 16) uint8, a quarter of the memory. Returns float32
    (N, C, H, W) in [0, 1] and int64 (N,). Raises InputError if the slice reaches beyond the images.
    """
    with files.opened(path) as file:
        parts = parts_of(file, part)
        total = sum(len(file[name]["labels"]) for name in parts)
        _check_total(path, rows.stop or 0, total)
        images, labels, before = [], [], 0
        start, stop, _ = rows.indices(total)
        for name in parts:
            group, length = file[name], len(file[name]["labels"])
            here = slice(max(start - before, 0), max(min(stop - before, length), 0))
            images.append(group["images"][here])
            labels.append(group["labels"][here])
            before += length
        scale = np.float32(file.attrs["scale"])
    images, labels = np.concatenate(images), np.concatenate(labels).astype(np.int64)
    if keep_bytes and images.dtype == np.uint8 and scale == np.float32(1 / 255):
        return images, labels
    images = images.astype(np.float32)
    images *= scale
    return images, labels


def images_at(path, index):
    """Return the images float32 (N, C, H, W) in [0, 1] at `index`, int64 (N,), of those that get masks.

    In the order asked for; N may be 0. Raises InputError if an index is beyond the images.
    """
    with files.opened(path) as file:
        parts = [file[name]["images"] for name in parts_of(file, "masked")]
        _check_total(path, max(index, default=-1) + 1, sum(map(len, parts)))
        images, before = np.empty((len(index), *parts[0].shape[1:]), np.float32), 0
        for part in parts:
            here = (index >= before) & (index < before + len(part))
            images[here] = rows_at(part, index[here] - before)
            before += len(part)
        images *= np.float32(file.attrs["scale"])
    return images


def _check_total(path, asked, total):
    if asked > total:
        raise InputError(
            f"{path} has {total} images to mask, but images up to {asked} are asked for; "
            "lower `images` of the dataset in config.yaml."
        )


def image_counts(path):
    """Return (images that can get masks, test images among them: the first) of a dataset file."""
    with files.opened(path) as file:
        masked = sum(len(file[name]["labels"]) for name in parts_of(file, "masked"))
        return masked, len(file["test"]["labels"])


def class_names(path):
    """Return the names of the classes of a dataset file."""
    with files.opened(path) as file:
        return json.loads(file.attrs["classes"])


def parts_of(file, part):
    """Return the names of the groups that `part` stands for in an open dataset file."""
    if part != "masked":
        return [part]
    return ["test", "train"] if file.attrs["masked"] == "all" else ["test"]
