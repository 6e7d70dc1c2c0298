"""What a classifier says of the images that may get masks."""

import numpy as np

from idbias.classifiers.models import logits_of
from idbias.datasets.images import image_counts, read_images
from idbias.errors import InputError

BLOCK = 2048


def predict(classifier, dataset, device="cpu", progress=None):
    """Classify the images of a dataset's file that may get masks.

    classifier: a torch module in eval mode; dataset: the file's path; progress: called like
    idbias.progress.progress, counts blocks of images; None is silent. Returns (arrays, accuracy):
    index, label, predicted int64 (N,), logits float32 (N, K), correct bool (N,); and the share of
    test images that are classified correctly. Raises InputError if logits are not finite.
    """
    total, tests = image_counts(dataset)
    blocks = range(0, total, BLOCK)
    labels, logits = [], []
    for first in progress(blocks, unit="block", label="predictions") if progress else blocks:
        images, block = read_images(dataset, "masked", slice(first, min(first + BLOCK, total)))
        labels.append(block)
        logits.append(logits_of(classifier, images, device=device))
    labels, logits = np.concatenate(labels), np.concatenate(logits)
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        raise InputError(
            f"the classifier's logits are not finite for {len(bad)} of {total} images of {dataset} (the "
            f"first is image {bad[0]}, counted from 0): look for a division by zero, a logarithm of 0 or an "
            "overflow in the network, or leave those images out of the dataset."
        )
    predicted = logits.argmax(1)
    correct = predicted == labels
    arrays = {
        "index": np.arange(total),
        "label": labels,
        "logits": logits,
        "predicted": predicted,
        "correct": correct,
    }
    return arrays, correct[:tests].mean()
