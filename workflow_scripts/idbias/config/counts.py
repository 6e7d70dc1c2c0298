"""How many images datasets have, and how work is counted out to shards."""

from bisect import bisect_left
from pathlib import Path

from idbias.datasets.published import PUBLISHED

# A shard's name: the first and the last index that it holds.
SHARD = r"[0-9]+-[0-9]+"


def shards(total, size, start=0, kept=()):
    """Return the names of the shards of `total` items from `start`: first and last index, as in 00000-00511.

    kept: names of shards that stay as they are where they fit; what is between and after them is cut anew. Of
    those that overlap, those stay that together have most items.
    """
    end, ranges = start + total, []
    known = {tuple(map(int, name.split("-"))) for name in kept}
    for first, last in _disjoint(one for one in known if start <= one[0] <= one[1] < end):
        ranges += [*_cut(start, first, size), (first, last)]
        start = last + 1
    return [f"{first:05d}-{last:05d}" for first, last in (*ranges, *_cut(start, end, size))]


def _disjoint(ranges):
    """Return those of `ranges`, pairs (first, last), that do not overlap and have most items, in order.

    Of equals the fewest ranges, and of these the ones that end first: what a run chose, the next one chooses
    again once the rest is finished too.
    """
    ordered = sorted(ranges, key=lambda one: (one[1], one[0]))
    ends = [last for _, last in ordered]
    # Of the first 0, 1, 2, ... ranges: items, minus ranges, the last one with its best.
    best = [(0, 0, None)]
    for place, (first, last) in enumerate(ordered):
        before = best[bisect_left(ends, first, hi=place)]
        taken = (before[0] + last - first + 1, before[1] - 1, ((first, last), before))
        best.append(max(best[-1], taken, key=lambda one: one[:2]))
    chosen, left = [], best[-1][2]
    while left:
        chosen.append(left[0])
        left = left[1][2]
    return chosen[::-1]


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
