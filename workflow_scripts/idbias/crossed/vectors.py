"""The vectors of K trainings on the images that all of them have, read a block of images at a time."""

from contextlib import ExitStack

import numpy as np

from idbias import files
from idbias.crossed.bands import summed
from idbias.crossed.gram import Accumulator
from idbias.datasets.images import images_at
from idbias.errors import InputError
from idbias.shards import rows_at
from idbias.spectra.radial import amplitude

# Bytes of one training set's vectors that are in memory at once; some five times as much is used.
BLOCK_BYTES = 32 * 2**20
PERTURBATIONS = "perturbations"


def rows_of(path, which):
    """Return (index, rows), int64 (n,), (n,): the images of a file of masks or of an attack that count.

    which: the dataset that says so, "kept" of masks or "success" of an attack.
    """
    about, _ = files.read(path, ["index", which])
    rows = np.flatnonzero(about[which])
    return about["index"][rows], rows


def common(sets):
    """Return (index, rows) of the images that are in all of `sets`, a list of (index, rows).

    index: int64 (N,), increasing; rows: a list of int64 (N,), where each file has them.
    """
    index = sets[0][0]
    for other, _ in sets[1:]:
        index = np.intersect1d(index, other)
    rows = []
    for own, places in sets:
        order = np.argsort(own)
        rows.append(places[order[np.searchsorted(own, index, sorter=order)]])
    return index, rows


def grams(essential, second, of, bands, dataset, attacked):
    """Return (bands -> gram.Gram, number of common images); no Gram if there is none.

    essential: K files of essential masks; second: K files of what is set against them: attacks, for `of`
    PERTURBATIONS, or else masks; bands: list as bands.resolutions returns; dataset: the images' file;
    attacked: K files of the attacks, whose success counts whatever `second` is.
    """
    is_attack = of == PERTURBATIONS
    count = len(essential)
    sets = [
        *(rows_of(path, "kept") for path in essential),
        *(rows_of(path, "success" if is_attack else "kept") for path in second),
        *(rows_of(path, "success") for path in attacked),
    ]
    index, rows = common(sets)
    accumulators = {resolution: Accumulator() for resolution in bands}
    with ExitStack() as stack:
        name = "adversarial" if is_attack else "mask"
        firsts = [stack.enter_context(files.opened(path)) for path in essential]
        seconds = [stack.enter_context(files.opened(path)) for path in second]
        shape = _one_shape(firsts, "mask", seconds, name)
        for part in _blocks(len(index), count, shape):
            e = np.stack([_read(firsts[k], "mask", rows[k][part]) for k in range(count)])
            a = np.stack([_read(seconds[k], name, rows[count + k][part]) for k in range(count)])
            if is_attack:
                a = spectra(a, images_at(dataset, index[part]))
            for resolution, accumulator in accumulators.items():
                accumulator.add(summed(e, resolution), summed(a, resolution))
    if not len(index):
        return {}, 0
    return {resolution: sums.gram() for resolution, sums in accumulators.items()}, len(index)


def spectra(adversarial, clean):
    """Return |F delta| / |F delta|_2 of perturbations, float64 (K, B, C, H, W), fft2's order.

    adversarial: float (K, B, C, H, W); clean: float (B, C, H, W). Of a perturbation of nothing it is 0.
    """
    spectrum = amplitude(adversarial - clean.astype(np.float64), norm="backward")
    size = np.sqrt((spectrum**2).sum(axis=(-3, -2, -1), keepdims=True))
    return np.divide(spectrum, size, out=np.zeros_like(spectrum), where=size > 0)


def _one_shape(firsts, first_name, seconds, second_name):
    """Return the shape (C, H, W) that an image has in all open files, or raise InputError."""
    shapes = {file.filename: file[first_name].shape[1:] for file in firsts}
    shapes |= {file.filename: file[second_name].shape[1:] for file in seconds}
    if len(set(shapes.values())) > 1:
        first, *_, other = sorted(shapes, key=lambda path: shapes[path])
        raise InputError(
            f"{first} has images of shape {shapes[first]}, {other} of {shapes[other]}; crossed trainings see the "
            "same images: delete the one that is out of date and run again."
        )
    return next(iter(shapes.values()))


def _read(file, name, rows):
    """Return rows (B,) of a dataset in the order asked for."""
    block = rows_at(file[name], rows)
    if not np.isfinite(block).all():
        raise InputError(
            f"{file.filename}: {name} holds numbers that are not finite; delete the file and run again."
        )
    return block


def _blocks(images, trainings, shape):
    """Slices of `images` that hold at most BLOCK_BYTES of float64 vectors of all trainings each."""
    size = max(1, BLOCK_BYTES // (8 * trainings * int(np.prod(shape))))
    return [slice(start, min(start + size, images)) for start in range(0, images, size)]
