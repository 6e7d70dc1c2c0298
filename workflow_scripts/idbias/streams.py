"""Streams of random numbers: each use has a name, and a key of its own, so that no two uses share numbers.

A stream belongs to an image, an epoch or a replicate, never to a batch or a shard: what it gives does not
depend on how work is cut up. Streams are independent by numpy's SeedSequence, whose spawn key they are.
"""

import numpy as np

# Name -> first number of its spawn key. A number, once used, keeps its meaning: another one changes results.
# 9 and 17 were those of uses that are gone.
STREAMS = {
    "split of a dataset": 0,
    "initial weights": 1,
    "epoch": 2,
    "attack": 3,
    "attack of one image": 4,
    "start of an attack": 5,
    "noise": 6,
    "class map images": 7,
    "shuffle": 8,
    "images of a contrast": 10,
    "scale": 11,
    "spiral": 12,
    "bootstrap": 13,
    "chains of filters": 14,
    "relabelling": 15,
    "order of a dataset": 16,
    "class decodability": 18,
    "class curve": 19,
}


def sequence(stream, seed, *key):
    """Return the numpy SeedSequence of the stream named `stream`, one of STREAMS.

    seed: the experiment's, an integer >= 0. key: integers >= 0 that say whose it is: an image, a replicate.
    """
    return np.random.SeedSequence(seed, spawn_key=(STREAMS[stream], *map(int, key)))


def generator(stream, seed, *key):
    """Return a numpy Generator of a stream (see `sequence`)."""
    return np.random.default_rng(sequence(stream, seed, *key))


def torch_seed(stream, seed, *key):
    """Return a seed for torch, an integer of the 63 bits that it takes, of a stream (see `sequence`)."""
    return int(sequence(stream, seed, *key).generate_state(1, np.uint64)[0]) >> 1
