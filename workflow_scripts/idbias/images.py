"""Reading images out of a dataset file. Apart from datasets.py, so that a new source reruns nothing."""

import numpy as np

from idbias import files
from idbias.errors import InputError


def read_images(path, part, rows=None):
    """Read images and labels of a dataset file.

    `part`: "train" or "test"; `rows`: a slice, all if None. Returns float32 (N, C, H, W) in [0, 1]
    and int64 (N,). Raises InputError if a slice reaches beyond the images there are.
    """
    with files.opened(path) as file:
        images, labels = file[part]["images"], file[part]["labels"]
        if rows is not None and rows.stop > len(images):
            raise InputError(
                f"{path} has {len(images)} {part} images, but images up to {rows.stop} are asked "
                "for; lower `images` of the dataset in config.yaml."
            )
        rows = slice(None) if rows is None else rows
        scale = np.float32(file.attrs["scale"])
        return images[rows].astype(np.float32) * scale, labels[rows].astype(np.int64)
