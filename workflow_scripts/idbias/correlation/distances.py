"""Squared Euclidean distances between all rows of a set of vectors, to an array or an HDF5 file.

They are computed once a set; every shuffle of the I_d test reuses them (see dependence.py).
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from idbias.correlation.kernels_numba import sum_of_squares
from idbias.errors import InputError
from idbias.files import creating, stamp
from idbias.hdf5_writing import RowSums
from idbias.progress import progress

DATASET = "squared_distances"
# Fixed, so that a distance is the same sum in the same order whatever the threads and the memory.
ROWS = 1024
COLUMNS = 16384
# A dataset in a file no larger than this is read once; a larger one again for every band of rows.
HELD_BYTES = 2 * 2**30
LARGE_BYTES = 2**30
# Below this share of the two squared norms, their difference has lost 6 of its 16 digits.
CANCELLATION = 1e-6


def squared_distances(vectors, dtype="float64", threads=1, device="cpu"):
    """Return the (N, N) squared Euclidean distances between the rows of `vectors`.

    vectors: (N, ...) real numbers, flattened to (N, D); an array, a memory map or an h5py dataset.
    dtype: of the result, "float64" or "float32"; the arithmetic is float64 either way.
    threads: tiles computed at once. The result does not depend on it.
    device: where the matrix products run, "cpu" or a torch device such as "cuda".
    Symmetric, with a zero diagonal. Raises InputError if rows are not real and finite, or if a distance
    is beyond the range of dtype.
    """
    check(vectors)
    out = np.empty((len(vectors), len(vectors)), dtype)
    for _ in fill(out, vectors, threads, device):
        pass
    return out


def write_squared_distances(
    vectors, path, dtype="float64", attributes=None, threads=1, device="cpu", label="distances"
):
    """Write `squared_distances` to the HDF5 file `path`, holding a band of rows at a time.

    The dataset "squared_distances" (N, N) is uncompressed, and a large one lies tile by tile; "row_sums" (N,)
    are checksums of its rows, which readers compare.
    `attributes` say what made it. The file gets its name only when it is complete.
    """
    check(vectors)
    count = len(vectors)
    with creating(path) as file:
        out = RowSums(file.create_dataset(DATASET, (count, count), dtype, **storage(count, dtype)))
        bands = fill(out, vectors, threads, device)
        for _ in progress(bands, total=-(-count // ROWS), unit="band", label=label):
            file.check()
        out.write()
        stamp(file, attributes or {})


def storage(count, dtype):
    """Return h5py's chunks for an (N, N) dataset: tiles if it is large, else rows one by one.

    A tile and its mirror image are then one write each. In rows they are a thousand short pieces,
    which a 10 GB file turned into hours; tiles only would waste space at the edge of a small one.
    """
    large = count * count * np.dtype(dtype).itemsize > LARGE_BYTES
    return {"chunks": (ROWS, ROWS) if large else None}


def fill(out, vectors, threads, device):
    """Fill `out` (N, N), a band of ROWS rows and its mirror image at each step of this generator."""
    if not isinstance(vectors, np.ndarray) and vectors.nbytes <= HELD_BYTES:
        vectors = vectors[()]
    starts = range(0, len(vectors), ROWS)
    center = mean(vectors)
    # Parallel over tiles, each on one thread: the BLAS's own threads may change the order of sums.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        for start in starts:
            band = block(vectors, start)

            def work(other, start=start, band=band):
                columns = band if other == start else block(vectors, other)
                return tile(band, columns, center, out.dtype, device)

            others = starts[start // ROWS :]
            for other, values in zip(others, pool.map(work, others), strict=True):
                rows, columns = slice(start, start + ROWS), slice(other, other + ROWS)
                out[rows, columns] = values
                if other != start:
                    out[columns, rows] = values.T
            yield start


def tile(x, y, center, dtype, device="cpu"):
    """Return the squared distances (n, m) in `dtype` between the rows of x (n, D) and y (m, D).

    |x|^2 + |y|^2 - 2 x.y in float64, both centred so that the norms are small. Where the difference
    cancels (near-duplicates), the sum of squared differences replaces it. `y is x` on the diagonal.
    """
    product, norms, other_norms = 0.0, 0.0, 0.0
    for start in range(0, x.shape[1], COLUMNS):
        chunk = slice(start, start + COLUMNS)
        a = x[:, chunk].astype(np.float64) - center[chunk]
        b = a if y is x else y[:, chunk].astype(np.float64) - center[chunk]
        product += times(a, b, device)
        norms += np.einsum("ij,ij->i", a, a)
        other_norms += np.einsum("ij,ij->i", b, b)
    scale = norms[:, None] + other_norms
    values = scale - 2 * product
    near = np.nonzero(values <= CANCELLATION * scale)
    sum_of_squares(x, y, *near, values)
    if y is x:
        upper = np.triu(values, 1)
        values = upper + upper.T
    limits = np.finfo(dtype)
    if values.max() > limits.max or ((values > 0) & (values < limits.tiny)).any():
        raise InputError(
            f"Squared distances between {values[values > 0].min():.2g} and {values.max():.2g} do not "
            f"fit {dtype} ({limits.tiny:.2g} to {limits.max:.2g}); multiply both sets by one factor."
        )
    return values.astype(dtype)


def times(a, b, device):
    """Return a @ b.T in float64, computed on `device`."""
    if device == "cpu":
        return a @ b.T
    import torch

    a, b = (torch.from_numpy(z).to(device) for z in (a, b))
    return (a @ b.T).cpu().numpy()


def block(vectors, start):
    """Return ROWS rows of `vectors` from `start`, flattened to two dimensions, as floats."""
    rows = np.asarray(vectors[start : start + ROWS])
    rows = rows.reshape(len(rows), -1)
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def mean(vectors):
    """Return the mean row (D,) in float64. Raises InputError if a number is not finite."""
    total = 0.0
    for start in range(0, len(vectors), ROWS):
        rows = block(vectors, start)
        check_finite(rows, start, "have distances")
        total = total + rows.sum(axis=0, dtype=np.float64)
    return total / max(1, len(vectors))


def check_finite(rows, start, allows):
    """Raise InputError if a number of `rows` (n, D), of a set from row `start` on, is not finite.

    allows: what only finite numbers do, for the message.
    """
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise InputError(
            f"Row {start + int(bad.argmax())} (counted from 0) holds NaN or infinity; only finite "
            f"numbers {allows}: remove that row from both sets, or fix it."
        )


def check(vectors):
    """Raise InputError unless `vectors` is rows of real numbers."""
    shape = tuple(vectors.shape)
    if not shape or 0 in shape[1:] or np.dtype(vectors.dtype).kind not in "fiub":
        raise InputError(
            f"An array of type {vectors.dtype} and shape {shape} is not N vectors; "
            "give (N, ...) floats, integers or booleans."
        )
