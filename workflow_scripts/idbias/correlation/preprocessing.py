"""What is done to each set of vectors before distances: pooling, standardising, unit length.

The protocol of 2023 does nothing. "standardise_coordinates" is that of Basile et al., ICLR 2025,
"Intrinsic Dimension Correlation" (their code: IDCorrelation, utils/utils.py). "standardise_unit_length"
is that of their "Frequency maps reveal the correlation between adversarial attacks and implicit bias",
2025 (their code: ImplicitBiasAdversarial at commit 2f1d573, correlation.py, utils/utils.py): max-pool by
7, standardise each coordinate, scale each vector to unit length.
"""

import numpy as np

from idbias.correlation.distances import HELD_BYTES, check, check_finite
from idbias.errors import InputError

# Numbers transformed at once, in float64. Fixed, so that sums do not depend on the memory.
NUMBERS = 2**22
# What is added to each coordinate's standard deviation, as in either code of the authors.
EPSILON = {"standardise_coordinates": 1e-9, "standardise_unit_length": 1e-6}
METHODS = ("none", *EPSILON)
# As in torch.nn.functional.normalize, which that code calls: a vector of zeros stays one.
SHORTEST = 1e-12


def preprocessed(vectors, preprocess="none", pool=1, held_bytes=HELD_BYTES):
    """Return `vectors` (N, ...) as the test takes them, (N, D) where anything is done to them.

    vectors: an array, a memory map or an h5py dataset of real numbers. preprocess: "none";
    "standardise_coordinates": each coordinate gets mean 0 and standard deviation 1 over the set (ddof 1,
    and 1e-9 added to it, so that a constant one becomes 0); or "standardise_unit_length": the same with
    1e-6, then each vector gets unit length unless it is a single number. pool: the maximum over squares
    of pool by pool entries of the last two axes comes first. What fits `held_bytes` is returned as an
    array; else an object that reads and transforms the rows that are asked for, and keeps the means and
    deviations only.
    Raises InputError for another word, if the last two axes cannot be pooled, or if a number is not finite.
    """
    if preprocess not in METHODS:
        raise InputError(
            f"There is no preprocessing {preprocess!r} (correlation.preprocess): choose from "
            f"{', '.join(METHODS)}."
        )
    if preprocess == "none" and pool == 1:
        return vectors
    check(vectors)
    lazy = Preprocessed(vectors, preprocess, pool)
    return lazy[:] if lazy.nbytes <= held_bytes else lazy


class Preprocessed:
    """Vectors (N, D) that are pooled and standardised as their rows are read; see `preprocessed`."""

    def __init__(self, vectors, preprocess, pool):
        self.vectors, self.pool, self.preprocess = vectors, pool, preprocess
        self.dtype = np.dtype(vectors.dtype if vectors.dtype == np.float32 else np.float64)
        self.shape = (len(vectors), pooled(np.zeros((1, *vectors.shape[1:])), pool).size)
        self.moments = None
        if preprocess != "none":
            self.moments = moments(self._plain, *self.shape)

    def __len__(self):
        return self.shape[0]

    @property
    def nbytes(self):
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def __getitem__(self, rows):
        """Return the rows of a slice, or all of them for (), as h5py does."""
        start, stop, _ = (rows or slice(None)).indices(len(self))
        out = np.empty((stop - start, self.shape[1]), self.dtype)
        step = max(1, NUMBERS // self.shape[1])
        for first in range(start, stop, step):
            last = min(first + step, stop)
            values = self._plain(first, last)
            if self.moments:
                mean, deviation = self.moments
                values = (values - mean) / (deviation + EPSILON[self.preprocess])
                if self.preprocess == "standardise_unit_length" and values.shape[1] > 1:
                    length = np.linalg.norm(values, axis=1, keepdims=True)
                    values /= np.maximum(length, SHORTEST)
            out[first - start : last - start] = values
        return out

    def _plain(self, start, stop):
        """Return rows start to stop, pooled, float64 (rows, D)."""
        rows = pooled(np.asarray(self.vectors[start:stop]), self.pool)
        return rows.reshape(len(rows), -1).astype(np.float64)


def pooled(rows, pool):
    """Return `rows` (n, ..., H, W) with the maximum over each pool by pool square, (n, ..., H', W').

    Entries lie in the order of the file. Masks begin at frequency 0, the authors' have it in the
    middle (fftshift): the squares are the same where pool divides half of the side, as 7 does 112.
    """
    if pool == 1:
        return rows
    *outer, height, width = rows.shape
    if len(outer) < 1 or height % pool or width % pool:
        raise InputError(
            f"vectors of shape {tuple(rows.shape[1:])} cannot be pooled by {pool} (correlation.pool): "
            "their last two axes must be multiples of it."
        )
    squares = rows.reshape(*outer, height // pool, pool, width // pool, pool)
    return squares.max(axis=(-3, -1))


def moments(read, count, columns):
    """Return (mean, standard deviation) of each coordinate, float64 (D,), ddof 1, in one pass.

    read(start, stop) gives rows, float64 (n, D). Blocks are combined as by Chan, Golub and LeVeque
    1983, "Algorithms for computing the sample variance". Raises InputError for a number that is
    not finite.
    """
    seen, mean, squares = 0, 0.0, 0.0
    step = max(1, NUMBERS // columns)
    for start in range(0, count, step):
        rows = read(start, min(start + step, count))
        check_finite(rows, start, "can be standardised")
        own = rows.mean(axis=0)
        shift = own - mean
        squares = squares + ((rows - own) ** 2).sum(axis=0)
        squares += shift**2 * (seen * len(rows) / (seen + len(rows)))
        seen += len(rows)
        mean = mean + shift * (len(rows) / seen)
    # A constant's computed spread is nothing but rounding; it is 0.
    deviation = np.sqrt(squares / max(1, count - 1))
    deviation[deviation <= 1e-12 * np.abs(mean)] = 0
    return mean, deviation
