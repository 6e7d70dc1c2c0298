"""Strata for the conditional test: points alike in class, and in size, are shuffled among each other.

Shuffling within strata tests whether two sets depend on each other beyond what the strata explain:
masks of one class, and of images that are all hard or all easy, resemble each other for no other reason.
"""

import numpy as np
from scipy.special import gammaln
from scipy.stats import rankdata

from idbias import files
from idbias.datasets.images import images_at
from idbias.errors import InputError
from idbias.spectra.radial import amplitude

# Images whose spectra are taken at once.
IMAGES = 256


def strata(sizes, labels=None, least=5):
    """Return the stratum of each point, int64 (N,): of one class, and alike in all of `sizes`.

    sizes: (N, K) real numbers, what points of a stratum are to be alike in. labels: (N,) classes, or
    None. A class is halved at the median rank of the size in which it spreads most (ranks are among
    all points), each half again, while both keep `least` points: quantiles of one size, cells of
    near neighbours of several. Strata have `least` to 2 `least` - 1 points, or a whole class's.
    Raises InputError if `least` is below 2 or a size is not finite.
    """
    sizes = np.asarray(sizes, np.float64).reshape(len(sizes), -1)
    if least < 2:
        raise InputError(f"a stratum of {least} points has nothing to shuffle; give 2 or more.")
    if not np.isfinite(sizes).all():
        raise InputError("sizes that make strata must be finite numbers.")
    ranks = rankdata(sizes, axis=0)
    out = np.empty(len(sizes), np.int64)
    labels = np.zeros(len(sizes), int) if labels is None else np.asarray(labels)
    waiting = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    number = 0
    while waiting:
        members = waiting.pop()
        if len(members) < 2 * least:
            out[members] = number
            number += 1
            continue
        own = ranks[members]
        by = own[:, np.argmax(own.max(axis=0) - own.min(axis=0))]
        order = members[np.argsort(by, kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    return out


def vector_sizes(vectors):
    """Return the sum of absolute values of each vector, float64 (N,); of a mask, what it keeps.

    vectors: (N, ...), an array or an h5py dataset, which is read by blocks.
    """
    out = np.empty(len(vectors))
    for start in range(0, len(out), 256):
        rows = np.asarray(vectors[start : start + 256], np.float64)
        out[start : start + 256] = np.abs(rows).reshape(len(rows), -1).sum(axis=1)
    return out


def spectrum_sizes(dataset, index):
    """Return the size of the spectrum of images of a dataset file, float64 (N,).

    The sum of |F x| over channels and all frequencies but 0, F unitary. Frequency 0 is brightness,
    which no mask has to choose. dataset: its path; index: int64 (N,), numbers of images that get
    masks.
    """
    out = np.empty(len(index))
    for start in range(0, len(index), IMAGES):
        here = slice(start, start + IMAGES)
        spectrum = amplitude(images_at(dataset, index[here]))
        spectrum[..., 0, 0] = 0
        out[here] = spectrum.reshape(len(spectrum), -1).sum(axis=1)
    return out


def paired(labels):
    """Return what shuffles within `labels` (N,) can do: pairings and share_in_place, name -> float.

    pairings: in how many ways they can pair the points, perhaps infinite; share_in_place: the mean share of points
    that they leave where they are. labels None: all among each other, in more ways than anybody draws.
    """
    if labels is None or not len(labels):
        return {"pairings": np.inf, "share_in_place": 0.0}
    counts = np.unique(labels, return_counts=True)[1]
    with np.errstate(over="ignore"):
        ways = float(np.exp(gammaln(counts + 1.0).sum()).round())
    return {"pairings": ways, "share_in_place": len(counts) / len(labels)}


def of_pairs(within, path, dataset=None, least=5):
    """Return what the points of a pairs file are shuffled within, (N,), or None for all of them.

    within: "all", "class", "size" (class, and the size of both vectors) or "spectrum" (class, and
    the size of the clean image's spectrum). dataset: path of the dataset file, for "spectrum".
    Raises InputError if the pairs have no classes and within is "class".
    """
    if within == "all":
        return None
    with files.opened(path) as pairs:
        labels = pairs["label"][()] if "label" in pairs else None
        if within == "class" and labels is None:
            raise InputError(f"{path} has no classes to shuffle within: give labels.")
        if within == "class":
            return labels
        if within == "spectrum":
            sizes = spectrum_sizes(dataset, pairs["index"][()])
        else:
            sizes = np.stack([vector_sizes(pairs[name]) for name in ("first", "second")], axis=1)
    return strata(sizes, labels, least)
