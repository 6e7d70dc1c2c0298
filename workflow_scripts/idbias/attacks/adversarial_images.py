"""Adversarial images that were made elsewhere, looked at like an attack's."""

import sys

import numpy as np
import torch

from idbias import files
from idbias.attacks.perturbations import norms, succeeded
from idbias.classifiers.models import classes_of, logits_of


def run(classifier, images, labels, index, path, *, batch_size=256, device="cpu", label=""):
    """Look at the adversarial images that idbias.attacks.attack_files.write wrote to `path`.

    Arguments and results are those of idbias.attacks.batched.run; further given bool (N,), whether
    there is an adversarial image. Success is False without one; such images come back unchanged.
    """
    with files.opened(path) as file:
        known = file["index"][()]
        place = np.searchsorted(known, index)
        given = place < len(known)
        given[given] = known[place[given]] == index[given]
        adversarial = np.array(images, np.float32)
        if given.any():
            adversarial[given] = file["adversarial"][place[given]]
    missing = len(given) - given.sum()
    if missing:
        print(
            f"{label}: {missing} of {len(given)} correctly classified images have no adversarial "
            "image; they count as not succeeded.",
            file=sys.stderr,
        )
    classes = np.array(labels)
    if len(images):
        logits = logits_of(classifier, adversarial, batch_size, device)
        classes = classes_of(torch.as_tensor(logits)).numpy()
    return {
        "adversarial": adversarial,
        "adversarial_class": classes,
        "success": succeeded(images, adversarial, classes, labels) & given,
        **norms(adversarial - images),
        "given": given,
    }
