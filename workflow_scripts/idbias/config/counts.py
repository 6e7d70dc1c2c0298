"""How many images datasets have, and how work is counted out to shards."""

from pathlib import Path

from idbias.datasets.published import PUBLISHED

# A shard's name: the first and the last index that it holds.
SHARD = r"[0-9]+-[0-9]+"


def shards(total, size, start=0, kept=()):
    """Return the names of the shards of `total` items from `start`: first and last index, as in 00000-00511.

    kept: names of shards that stay as they are where they fit; what is between and after them is cut anew.
    """
    end, ranges = start + total, []
    for first, last in sorted(tuple(map(int, name.split("-"))) for name in kept):
        if first >= start and last < end:
            ranges += [*_cut(start, first, size), (first, last)]
            start = last + 1
    return [f"{first:05d}-{last:05d}" for first, last in (*ranges, *_cut(start, end, size))]


def _cut(start, end, size):
    return [(first, min(first + size, end) - 1) for first in range(start, end, size)]


def shard_rows(name):
    """Return the slice that a shard's name stands for: "00512-01023" is slice(512, 1024)."""
    first, last = name.split("-")
    return slice(int(first), int(last) + 1)


def files_named(names):
    """Return the files of arrays that `names` (some of them None) name, without what names an array."""
    named = filter(None, names)
    return sorted({name if Path(name).exists() else name.partition(":")[0] for name in named})


def known_images(dataset):
    """Return how many images of a published dataset can get masks."""
    known = PUBLISHED[dataset.source]
    if dataset.masked == "all":
        return known.test + known.train
    # Of the digits the configuration says how many are trained on.
    return (
        known.test + known.train - dataset.train_images
        if dataset.source == "digits"
        else known.test
    )
