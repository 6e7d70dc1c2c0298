"""Which images a class's map is trained on, and which it is tested on."""

import numpy as np

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


def sets_of(label, clean, attacked, trains):
    """Return the sets of idbias.class_maps.training for a class: adversarial, then clean.

    clean: float32 (N, C, H, W); attacked: dict of label, adversarial, adversarial_class, a row an image
    of `clean`, all of them correctly classified; trains: bool (N,).
    """
    into = trains & (attacked["adversarial_class"] == label)
    own = trains & (attacked["label"] == label)
    return [
        (attacked["adversarial"][into], attacked["label"][into]),
        (clean[own], attacked["label"][own]),
    ]
