"""How many images and classes datasets have, and how work is counted out to shards."""

from pathlib import Path

from idbias.datasets.sources import SIZES

# source -> its number of classes, where that is known without reading it. Not in datasets.sources: an
# edit there writes every dataset again.
CLASSES = {
    **dict.fromkeys(["digits", "cifar10", "mnist", "fashion_mnist", "svhn"], 10),
    **dict.fromkeys(["imagenette", "imagenette320", "imagenette160"], 10),
    "cifar100": 100,
    "imagenet": 1000,
}


def shards(total, size):
    """Return the names of the shards of `total` items: first and last index, as in 00000-00511."""
    return [f"{first:05d}-{min(first + size, total) - 1:05d}" for first in range(0, total, size)]


def files_named(names):
    """Return the files of arrays that `names` (some of them None) name, without what names an array."""
    named = filter(None, names)
    return sorted({name if Path(name).exists() else name.partition(":")[0] for name in named})


def known_images(dataset):
    """Return how many images of a published dataset can get masks."""
    test, train = SIZES[dataset.source]
    return test + train if dataset.masked == "all" else test
