"""What every archive is turned into."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from idbias.errors import InputError


@dataclass
class Dataset:
    """Images and labels, ready to train and to test on.

    train_images, test_images: (N, C, H, W), uint8 of 0 to 255, or uint16 of 0 to 65,535 or float32 in
        [0, 1] where pictures have that depth; N may be 0 for training.
    train_labels, test_labels: int64 (N,), an index into `classes`.
    scale: what images are multiplied by to lie in [0, 1].
    notes: what was passed over among the files or done to pictures, in words -> how often.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: list[str]
    scale: float = 1 / 255
    notes: Counter = field(default_factory=Counter)

    def about_notes(self):
        """Return `notes` as lines to print."""
        images = len(self.train_labels) + len(self.test_labels)
        return [
            f"{number} files {text}"
            if text.startswith("passed over")
            else f"{number} of {images} images {text}"
            for text, number in sorted(self.notes.items())
        ]


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
