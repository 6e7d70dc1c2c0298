"""Squared Euclidean distances between all rows of a set of vectors, to an array or an HDF5 file.

They are computed once a set; every shuffle of the I_d test reuses them (see correlation.py).
"""

from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
from threadpoolctl import threadpool_limits

from idbias.errors import InputError
from idbias.files import replacing, stamp
from idbias.neighbours import direct
from idbias.progress import progress

DATASET = "squared_distances"
# Fixed, so that a distance is the same sum in the same order whatever the threads and the memory.
ROWS = 1024
COLUMNS = 16384
# Below this share of the two squared norms a difference of norms has lost too many of its 16 digits.
CANCELLATION = 1e-6


def squared_distances(vectors, dtype="float64", threads=1, device="cpu"):
    """Return the (N, N) squared Euclidean distances between the rows of `vectors`.

    vectors: (N, ...) numbers, flattened to (N, D); an array, a memory map or an h5py dataset.
    dtype: of the result, float64 or float32; the arithmetic is float64 either way.
    threads: tiles computed at once. The result does not depend on it.
    device: where the matrix products run, "cpu" or a torch device such as "cuda".
    Symmetric with an exact zero diagonal. Raises InputError if fewer than 3 rows, not numbers,
    not finite, or beyond the range of dtype.
    """
    out = np.empty((len(vectors), len(vectors)), dtype)
    for _ in fill(out, vectors, threads, device):
        pass
    return out


def write_squared_distances(
    vectors, path, dtype="float64", attributes=None, threads=1, device="cpu", label="distances"
):
    """Write `squared_distances` to the HDF5 file `path`, holding a band of rows at a time.

    The dataset "squared_distances" (N, N) is contiguous and uncompressed: a row is one read.
    `attributes` say what made it. The file gets its name only when it is complete.
    """
    count = len(vectors)
    with replacing(path) as temporary:
        with h5py.File(temporary, "w") as file:
            out = file.create_dataset(DATASET, (count, count), dtype)
            bands = fill(out, vectors, threads, device)
            for _ in progress(bands, total=-(-count // ROWS), unit="band", label=label):
                pass
            stamp(file, attributes or {})


def fill(out, vectors, threads=1, device="cpu"):
    """Fill `out` (N, N) with squared distances, a band of tiles for each step of this generator."""
    check(vectors)
    starts = range(0, len(vectors), ROWS)
    center = mean(vectors)
    # Parallel over tiles, each on one thread: the BLAS's own threads could change the order of sums.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        for start in starts:
            band = block(vectors, start)
            others = [other for other in starts if other >= start]
            jobs = [(vectors, band, start, other, center, out.dtype, device) for other in others]
            for other, values in zip(others, pool.map(lambda job: tile(*job), jobs), strict=True):
                rows, columns = slice(start, start + len(values)), slice(other, other + ROWS)
                out[rows, columns] = values
                if other != start:
                    out[columns, rows] = values.T
            yield start


def tile(vectors, band, start, other, center, dtype, device):
    """Return the squared distances between `band` (rows from `start`) and the rows from `other`.

    |x - y|^2 = |x|^2 + |y|^2 - 2 x.y on centred vectors, in float64. Where that difference cancels
    (near-duplicates), the sum of squared differences replaces it.
    """
    columns = band if other == start else block(vectors, other)
    gram = np.zeros((len(band), len(columns)))
    norms = np.zeros(len(band))
    other_norms = np.zeros(len(columns))
    for first in range(0, band.shape[1], COLUMNS):
        chunk = slice(first, first + COLUMNS)
        x = band[:, chunk].astype(np.float64) - center[chunk]
        y = x if columns is band else columns[:, chunk].astype(np.float64) - center[chunk]
        gram += product(x, y, device)
        norms += np.einsum("ij,ij->i", x, x)
        other_norms += np.einsum("ij,ij->i", y, y)
    scale = norms[:, None] + other_norms
    values = scale - 2 * gram
    rows, partners = np.nonzero(values <= CANCELLATION * scale)
    direct(band, columns, rows, partners, values)
    if columns is band:
        values = np.triu(values, 1) + np.triu(values, 1).T
    narrow = np.finfo(dtype)
    if values.max() > narrow.max or ((values > 0) & (values < narrow.tiny)).any():
        raise InputError(
            f"Squared distances reach outside {dtype} ({narrow.tiny:.1g} to {narrow.max:.1g}); "
            "rescale both sets by one factor, or ask for float64."
        )
    return values.astype(dtype)


def product(x, y, device):
    """Return x @ y.T in float64, on `device`."""
    if device == "cpu":
        return x @ y.T
    import torch

    x, y = (torch.from_numpy(z).to(device) for z in (x, y))
    return (x @ y.T).cpu().numpy()


def block(vectors, start):
    """Return rows start .. start + ROWS of `vectors` as a 2-D array of its own float type."""
    rows = np.asarray(vectors[start : start + ROWS])
    rows = rows.reshape(len(rows), -1)
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def mean(vectors):
    """Return the mean row (D,) in float64, refusing numbers that are not finite."""
    total = 0.0
    for start in range(0, len(vectors), ROWS):
        rows = block(vectors, start)
        bad = ~np.isfinite(rows).all(axis=1)
        if bad.any():
            raise InputError(
                f"Row {start + int(bad.argmax())} holds a number that is not finite (NaN or infinity); "
                "remove it, in both sets alike, or mend it."
            )
        total = total + rows.sum(axis=0, dtype=np.float64)
    return total / len(vectors)


def check(vectors):
    """Raise InputError unless `vectors` is at least 3 rows of real numbers."""
    if len(vectors) < 3:
        raise InputError(
            f"{len(vectors)} vectors are too few: the two nearest neighbours need at least 3."
        )
    kind = np.dtype(vectors.dtype).kind
    if kind not in "fiub" or 0 in vectors.shape:
        raise InputError(
            f"Vectors of type {vectors.dtype} and shape {tuple(vectors.shape)} are not (N, D) real numbers; "
            "give floats, integers or booleans."
        )
