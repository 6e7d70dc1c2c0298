"""Which images a class's map is trained on, and which it is tested on."""

import numpy as np

from idbias.datasets.images import images_at
from idbias.shards import rows_at
from idbias.streams import generator


def trained_on(index, tests, masked, seed):
    """Return which images train maps, bool (N,); the others test them.

    index: int64 (N,), positions among the images that get masks, the first `tests` of which are test
    images. masked: "all", training images get masks too: they train. "test": there are none, and each
    test image trains or tests by a coin of its own, of (seed, image).
    """
    if masked == "all":
        return np.asarray(index) >= tests
    coins = [generator("class map images", seed, image) for image in index]
    return np.array([coin.random() < 0.5 for coin in coins], bool)


def sets_of(label, dataset, attack, trains):
    """Return the sets of idbias.class_maps.training for a class: adversarial, then clean; only these are read.

    dataset: path of dataset.h5; attack: an open attack's file, whose images were all correctly classified;
    trains: bool (N,), a row of it each.
    """
    labels = attack["label"][()]
    into = np.flatnonzero(trains & (attack["adversarial_class"][()] == label))
    own = np.flatnonzero(trains & (labels == label))
    return [
        (rows_at(attack["adversarial"], into), labels[into]),
        (images_at(dataset, attack["index"][()][own]), labels[own]),
    ]
