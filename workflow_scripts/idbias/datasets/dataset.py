"""What every archive is turned into."""

from dataclasses import dataclass

import numpy as np

from idbias.errors import InputError


@dataclass
class Dataset:
    """Images and labels, ready to train and to test on.

    train_images, test_images: uint8 (N, C, H, W), 0 to 255; N may be 0 for training.
    train_labels, test_labels: int64 (N,), an index into `classes`.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: list[str]


def check_labels(labels, classes, where):
    """Return `labels` as int64; raise InputError if one is not in 0..`classes` - 1."""
    labels = np.asarray(labels).astype(np.int64)
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise InputError(
            f"{where}: image {wrong[0]} has label {labels[wrong[0]]}, but the labels of {classes} "
            f"classes are 0 to {classes - 1} ({len(wrong)} such labels): the file is damaged or of "
            "another dataset."
        )
    return labels
