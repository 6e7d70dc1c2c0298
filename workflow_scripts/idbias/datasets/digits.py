"""The demonstration's images, which come inside scikit-learn."""

import numpy as np

from idbias.datasets.dataset import Dataset
from idbias.errors import InputError


def digits(train_images, seed):
    """Return scikit-learn's 1,797 handwritten digits as a Dataset, split by class in proportion.

    Source: UCI optical recognition of handwritten digits, test part, 8 by 8 pixels of 0 to 16.
    `train_images`: how many train, the others test.
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
    train, test, train_labels, test_labels = train_test_split(
        images, labels, train_size=train_images, stratify=labels, random_state=seed
    )
    classes = [str(digit) for digit in range(10)]
    return Dataset(train, train_labels, test, test_labels, classes, scale=1 / 16)
