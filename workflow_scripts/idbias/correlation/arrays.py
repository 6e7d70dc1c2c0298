"""Arrays of the user's own, from files of several kinds."""

import zlib
from pathlib import Path
from zipfile import BadZipFile

import h5py
import numpy as np

from idbias import files, hdf5, shards
from idbias.correlation.delimited_text import check_no_row_numbers, read_numbers, read_words
from idbias.correlation.similarity import r_squared
from idbias.errors import InputError, one_line
from idbias.hdf5_writing import checked

# Rows are copied in blocks of about this many bytes.
BLOCK_BYTES = 2**26
SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".csv", ".tsv", ".txt")
# The squares of larger numbers, and of the inverse of smaller ones, leave float64's range.
LARGEST = 1e150


def check_lengths(arrays):
    """Raise InputError unless all of `arrays` (name -> array) have as many rows as the first."""
    (first, rows), *others = ((name, len(array)) for name, array in arrays.items())
    for name, other in others:
        if other != rows:
            raise InputError(
                f"{first} has {rows} rows and {name} has {other}; row i must describe the same point "
                "in each: give as many rows."
            )


def write_pairs(path, first, second, labels=None, attributes=None):
    """Write a pairs file (docs/outputs.md) of two arrays (N, ...) named as for `read_array`.

    labels: name of an array (N,) of classes, or None. Memory stays bounded whatever N. Of two sets
    of scalars the attribute r_squared is kept. Raises InputError if the arrays cannot be read, are
    not of one length, or hold a number that has no distance.
    """
    sets = {"first": (first, read_array(first)), "second": (second, read_array(second))}
    known = {first: sets["first"][1], second: sets["second"][1]}
    if labels:
        known[labels] = read_labels(labels)
    check_lengths(known)
    points = len(known[first])
    with files.creating(path) as file:
        columns = {"index": np.arange(points), **({"label": known[labels]} if labels else {})}
        for key, column in columns.items():
            file.create_dataset(key, data=column)
        for key, (name, array) in sets.items():
            copied = file.create_dataset(
                key, array.shape, array.dtype, **checked(array.shape, array.dtype)
            )
            for rows, block in checked_blocks(array, name):
                copied[rows] = block
                file.check()
        about = dict(attributes or {})
        if all(array[:1].size == 1 for _, array in sets.values()):
            about["r_squared"] = r_squared(*(np.asarray(array[()]) for _, array in sets.values()))
        files.stamp(file, about)


def check_numbers(array, name):
    """Raise InputError if a number of an array (N, ...) has no distance: see `checked_blocks`."""
    for _ in checked_blocks(array, name):
        pass


def checked_blocks(array, name):
    """Yield (slice of rows, the rows) of an array (N, ...), block by block.

    Raises InputError, which calls the array `name`, for a number that is not finite, or whose square is
    beyond float64.
    """
    rows = max(1, BLOCK_BYTES // max(1, array[:1].nbytes))
    largest = 0.0
    for start in range(0, len(array), rows):
        block = np.asarray(array[start : start + rows])
        flat = block.reshape(len(block), -1)
        finite = np.isfinite(flat).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{name}: Row {start + int(finite.argmin())} (counted from 0) holds NaN or infinity, or is "
                "shorter than the others; remove that row from both sets, or fix it."
            )
        largest = max(largest, *(abs(float(end)) for end in (flat.min(), flat.max())))
        yield slice(start, start + len(block)), block
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        raise InputError(
            f"{name} holds numbers up to {largest:.2g}, whose squares are beyond float64; multiply both sets "
            "by one factor."
        )


def read_array(name):
    """Return the array that `name` stands for, (N, ...); a .npy or .h5 is read only when sliced.

    name: a path, of .npz and .h5 with the array inside it: x.npy, x.npz:masks, x.h5:/masks, x.csv.
    Raises InputError if it is missing, of another kind, holds several arrays and none is named, is
    not N points of real numbers, or has a column that numbers the rows.
    """
    return points_of(_read(name, read_numbers), name)


def points_of(array, name):
    """Return an array, called `name`; raise InputError for what `read_array` does."""
    _check_some(array, name)
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise InputError(f"{name} holds {_what(array.dtype)}.")
    check_no_row_numbers(array, name)
    return array


def read_labels(name):
    """Return the labels (N,) that `name` stands for, of numbers or text, as int64; see `read_array`.

    Raises InputError if they are not one for each point, one is missing, or no two are equal.
    """
    return labels_of(np.asarray(_read(name, read_words)[()]), name)


def labels_of(array, name):
    """Return labels, an array called `name`, as int64 (N,); raise InputError for what `read_labels` does."""
    if array.ndim > 1 and array.size != len(array):
        raise InputError(
            f"{name} has the shape {array.shape}; labels are one a point, (N,): of one-hot rows take argmax."
        )
    array = array.ravel()
    if array.dtype.kind == "O":  # text in HDF5
        array = np.array([x.decode() if isinstance(x, bytes) else str(x) for x in array])
    if array.dtype.kind not in "fiubUS":
        raise InputError(f"{name} holds {_what(array.dtype)}, which are no labels.")
    missing = ~np.isfinite(array) if array.dtype.kind == "f" else array == array.dtype.type()
    if array.dtype.kind in "fUS" and missing.any():
        raise InputError(
            f"{name}: row {int(missing.argmax())} (counted from 0) has no label; label every point, or leave "
            "it out of all sets."
        )
    known, numbers = np.unique(array, return_inverse=True)
    if len(known) == len(array) > 1:
        raise InputError(
            f"{name}: no two of the {len(array)} points have the same label, so that nothing can be shuffled "
            "within one; give classes."
        )
    return array.astype(np.int64) if array.dtype.kind in "iub" else numbers.astype(np.int64)


def _what(dtype):
    """Return what an array of a type that is not read holds, and what to do."""
    if dtype.names:
        return f"rows of the fields {', '.join(dtype.names)}; save them as a plain array of numbers"
    return {
        "c": "complex numbers; save the real and the imaginary parts as coordinates of their own",
        "O": "objects of Python or of several lengths; save a plain array of numbers",
        "M": "dates; save numbers, such as seconds",
        "m": "durations; save numbers, such as seconds",
        "f": "floating-point numbers of more than 64 bits; save them as float64",
    }.get(
        dtype.kind,
        f"text ({dtype})" if dtype.kind in "US" else f"{dtype}; save an array of numbers",
    )


def _read(name, read_text):
    """Return the array of `name`, with at least one axis and one number; `read_text` reads text files."""
    path, _, inside = name.partition(":") if not Path(name).exists() else (name, "", "")
    suffix = Path(path).suffix.lower()
    if not Path(path).is_file():
        raise InputError(
            f"{path} does not exist or is not a file; give one of {', '.join(SUFFIXES)}."
        )
    if suffix not in SUFFIXES:
        raise InputError(f"{path} is of no known kind; give one of {', '.join(SUFFIXES)}.")
    try:
        array = _opened(path, suffix, inside, read_text)
    except InputError:
        raise
    except (OSError, ValueError, EOFError, BadZipFile, NotImplementedError, zlib.error) as error:
        if "Object arrays" in str(error) or "Python objects" in str(error):
            raise InputError(f"{name} holds {_what(np.dtype(object))}.") from None
        if isinstance(error, OSError) and error.errno:
            raise InputError(
                f"{path} cannot be read ({error.strerror}); fix that and run again."
            ) from None
        raise InputError(
            f"{path} cannot be read as {suffix} ({one_line(error)}); get or make the file again."
        ) from None
    _check_some(array, name)
    return array


def _check_some(array, name):
    """Raise InputError unless an array has at least one axis and one number."""
    if not array.shape or 0 in array.shape:
        shape = "nothing" if array.shape is None else f"an array of shape {tuple(array.shape)}"
        raise InputError(f"{name} holds {shape}; give one of shape (N, ...), a row for each point.")


def _opened(path, suffix, inside, read_text):
    if suffix == ".npy":
        return np.load(path, mmap_mode="r", allow_pickle=False)
    if suffix == ".npz":
        return member(np.load(path, allow_pickle=False), path, inside)
    if suffix in (".h5", ".hdf5"):
        # Stays open: the array that is returned reads from it.
        return member(shards.whole(hdf5.open_to_read(path), path), path, inside.strip("/"))
    return read_text(path)


def member(file, path, inside):
    """Return the array `inside` of an opened .npz or .h5, the only one if no name is given."""
    if not inside or inside not in file:
        names = []
        if isinstance(file, h5py.File):  # whose members are not opened, lest one is refused
            file.visit(names.append)
            names = [key for key in names if file.get(key, getclass=True) is h5py.Dataset]
        elif hasattr(file, "visititems"):
            file.visititems(lambda key, item: names.append(key) if hasattr(item, "shape") else None)
        else:
            names = list(file)
        if inside or len(names) != 1:
            asked = f"has no array {inside}" if inside else f"holds {len(names)} arrays"
            known = f"one of {', '.join(names)}" if names else "the name of one"
            raise InputError(f"{path} {asked}; write {path}:NAME with {known}.")
        inside = names[0]
    array = file[inside]
    if not hasattr(array, "shape"):
        raise InputError(
            f"{path}: {inside} is a group; name an array in it, as in {path}:/{inside}/NAME."
        )
    if isinstance(array, h5py.Dataset):
        _check_filters(array, path)
    return array


def _check_filters(dataset, path):
    """Raise InputError if a dataset is compressed in a way that this h5py cannot undo."""
    made = dataset.id.get_create_plist()
    for number in range(made.get_nfilters()):
        code, _, _, name = made.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            raise InputError(
                f"{path}: {dataset.name} is compressed by the HDF5 filter {name.decode()} ({code}), which this "
                "h5py does not have; write it again with gzip or uncompressed (h5repack -f GZIP=1)."
            )
