"""What is common to all attacks: the norms of perturbations, the range of pixels, and what a success is."""

import numpy as np

from idbias.attacks.sizes import largest

# How far beyond [0, 1] rounding may bring an attack; such values are cut.
ROUNDING = 1e-5
# Two roundings of a float32 pixel near 1: so far a pixel of a stored image may be off its perturbation.
PIXEL = 2.0**-23


def norms(perturbation):
    """Return l2 and linf (N,) of perturbations (N, C, H, W), N >= 0, by name, of their dtype."""
    flat = flattened(perturbation)
    return {
        "l2": np.linalg.norm(flat, axis=1),
        "linf": np.abs(flat).max(axis=1, initial=0),
    }


def flattened(images):
    """Return images (N, C, H, W) as (N, C H W), for no image too."""
    return images.reshape(len(images), int(np.prod(images.shape[1:])))


def succeeded(clean, adversarial, classes, labels, order=None, epsilon=None):
    """Return on which images an attack has succeeded, bool (N,).

    clean, adversarial: float32 (N, C, H, W), the images as they are stored; classes: int64 (N,), what the
    classifier says of `adversarial`, -1 where its logits are not finite; labels: int64 (N,); order, epsilon:
    of the norm that the attack was to keep within epsilon, or None.
    A success is an image of another class than its label that lies in [0, 1], is not the clean image, is
    not blank (`blanks`), and is no farther than epsilon, but for the rounding of float32 pixels.
    """
    flat = flattened(adversarial)
    fits = np.isfinite(flat).all(axis=1) & ((flat >= 0) & (flat <= 1)).all(axis=1)
    changed = (flat != flattened(clean)).any(axis=1)
    success = (classes != labels) & (classes >= 0) & fits & changed & ~blanks(clean, adversarial)
    if order is None or epsilon is None:
        return success
    perturbation = flat.astype(np.float64) - flattened(clean)
    size = np.linalg.norm(perturbation, order, axis=1) if len(flat) else np.zeros(0)
    return success & (size <= epsilon * (1 + 1e-5) + PIXEL * largest(clean.shape[1:], order))


def blanks(clean, images):
    """Return which of images (N, C, H, W) have no contrast left, in no channel, where the clean one has.

    foolbox's Carlini-Wagner and EAD return black where they found nothing, which is of another class than
    most images are: no perturbation of them, but a place left empty.
    """

    def flat(images):
        return np.ptp(images.reshape(*images.shape[:2], -1), axis=2).max(axis=1, initial=0) == 0

    if not len(images):
        return np.zeros(0, bool)
    return flat(images) & ~flat(clean)
