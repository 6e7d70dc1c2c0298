"""Products of K trainings' vectors, summed over images a block at a time: all that the statistics need."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gram:
    """Means over images of products between K trainings' vectors, less their mean over trainings.

    In the terms of idbias.crossed.reference: cross is G, means is M; essential and attack are G's form with
    the same set on both sides. All float64 (K, K). images: N.
    """

    cross: np.ndarray
    means: np.ndarray
    essential: np.ndarray
    attack: np.ndarray
    images: int


class Accumulator:
    """Takes blocks of images and gives their Gram; what it holds does not grow with N."""

    def __init__(self):
        self.images, self.products, self.sums = 0, 0, None

    def add(self, essential, attack):
        """Take a block: float (K, B, D), (K, B, D), image b of one the same as of the other."""
        both = [centred(vectors) for vectors in (essential, attack)]
        e, a = (vectors.reshape(len(vectors), -1) for vectors in both)
        self.products = self.products + np.stack([e @ a.T, e @ e.T, a @ a.T])
        sums = np.stack([vectors.sum(axis=1) for vectors in both])
        self.sums = sums if self.sums is None else self.sums + sums
        self.images += essential.shape[1]

    def gram(self):
        """Return the Gram of all blocks."""
        cross, essential, attack = self.products / self.images
        # Less each image's product with itself, which is what depends on the image.
        pairs = self.sums[0] @ self.sums[1].T - self.products[0]
        means = pairs / (self.images * max(1, self.images - 1))
        return Gram(cross, means, essential, attack, self.images)


def centred(vectors):
    """Return vectors (K, ...) less their mean over trainings: exactly 0 where all trainings have the same."""
    return np.where((vectors == vectors[0]).all(axis=0), 0, vectors - vectors.mean(axis=0))
