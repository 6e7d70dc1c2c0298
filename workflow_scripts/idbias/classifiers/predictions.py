"""What a classifier says of the images that may get masks."""

import sys

import numpy as np

from idbias.classifiers.models import logits_of
from idbias.config.batches import CLASSIFIED
from idbias.console_facts import accuracy_said
from idbias.datasets.images import image_counts, read_images
from idbias.errors import InputError
from idbias.progress import progress

# Test images a class, below which an accuracy gets a warning.
FEW_IMAGES = 10


def predict(classifier, dataset, device="cpu"):
    """Classify the images of a dataset's file that may get masks.

    classifier: a torch module in eval mode; dataset: the file's path. Returns (arrays, accuracy):
    index, label, predicted int64 (N,), logits float32 (N, K), correct bool (N,); and the share of
    test images that are classified correctly. Raises InputError if logits are not finite.
    """
    total, tests = image_counts(dataset)
    labels, logits = [], []
    for first in progress(range(0, total, CLASSIFIED), unit="block", label="predictions"):
        images, block = read_images(dataset, "masked", slice(first, min(first + CLASSIFIED, total)))
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


def tell_accuracy(accuracy, images, classes, name, claimed=None):
    """Print the test accuracy (a share of `images`) of the classifier `name` to standard error; warn.

    Warnings: those of console_facts.accuracy_said, with `claimed`, the share that a checkpoint claims of itself,
    or None; and few images of a class. Returns the lines.
    """
    lines = [f"{name}: {accuracy_said(accuracy, images, classes, claimed)}"]
    if images < FEW_IMAGES * classes:
        lines.append(
            f"warning: {images:,} test images of {classes:,} classes are few: the accuracy's standard error is "
            f"{np.sqrt(accuracy * (1 - accuracy) / images):.1%}."
        )
    for line in lines:
        print(line, file=sys.stderr)
    return lines
