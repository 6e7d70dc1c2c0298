"""Arrays of the user's own, from files of several kinds."""

from pathlib import Path
from zipfile import BadZipFile

import h5py
import numpy as np
import pandas as pd

from idbias import files, hdf5, shards
from idbias.correlation.similarity import r_squared
from idbias.errors import InputError

# Rows are copied in blocks of about this many bytes.
BLOCK_BYTES = 2**26


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
    not of one length, or hold a number that is not finite.
    """
    sets = {"first": (first, read_array(first)), "second": (second, read_array(second))}
    known = {first: sets["first"][1], second: sets["second"][1]}
    if labels:
        known[labels] = np.ravel(read_array(labels)[()])
    check_lengths(known)
    points = len(known[first])
    with files.replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file["index"] = np.arange(points)
        if labels:
            file["label"] = known[labels]
        for key, (name, array) in sets.items():
            copied = file.create_dataset(key, array.shape, array.dtype)
            rows = max(1, BLOCK_BYTES // max(1, array[:1].nbytes))
            for start in range(0, points, rows):
                block = array[start : start + rows]
                if not np.isfinite(block).all():
                    raise InputError(
                        f"{name} holds numbers that are not finite; leave those rows out."
                    )
                copied[start : start + rows] = block
        about = dict(attributes or {})
        if all(array[:1].size == 1 for _, array in sets.values()):
            about["r_squared"] = r_squared(*(np.asarray(array[()]) for _, array in sets.values()))
        files.stamp(file, about)


def read_array(name):
    """Return the array that `name` stands for, (N, ...); a .npy or .h5 is read only when sliced.

    name: a path, of .npz and .h5 with the array inside it: x.npy, x.npz:masks, x.h5:/masks, x.csv.
    Raises InputError if it is missing, of another kind, or holds several arrays and none is named.
    """
    path, _, inside = name.partition(":") if not Path(name).exists() else (name, "", "")
    suffix = Path(path).suffix.lower()
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist or is not a file; give a .npy, .npz, .h5 or .csv.")
    try:
        if suffix == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        if suffix == ".npz":
            return member(np.load(path, allow_pickle=False), path, inside)
        if suffix in (".h5", ".hdf5"):
            # Stays open: the array that is returned reads from it.
            return member(shards.whole(hdf5.open_to_read(path), path), path, inside.strip("/"))
        if suffix == ".csv":
            return read_csv(path)
    except InputError:
        raise
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(
            f"{path} cannot be read as {suffix} ({error}); get or make the file again."
        ) from None
    raise InputError(f"{path} is of no known kind; give a .npy, .npz, .h5, .hdf5 or .csv file.")


def member(file, path, inside):
    """Return the array `inside` of an opened .npz or .h5, the only one if no name is given."""
    names = []
    if hasattr(file, "visititems"):
        file.visititems(lambda key, item: names.append(key) if hasattr(item, "shape") else None)
    else:
        names = list(file)
    if not inside and len(names) == 1:
        inside = names[0]
    if inside not in names:
        asked = f"has no array {inside}" if inside else "holds several arrays"
        raise InputError(f"{path} {asked}; write {path}:NAME with one of {', '.join(names)}.")
    return file[inside]


def read_csv(path):
    """Return the numbers of a CSV file, (N, columns) float64; a first line of names is skipped."""
    first_line = pd.read_csv(path, header=None, nrows=1)
    numbers = pd.to_numeric(first_line.iloc[0], errors="coerce").notna()
    table = pd.read_csv(path, header=None if numbers.any() else 0)
    wrong = [str(column) for column in table if table[column].dtype.kind not in "fiub"]
    if wrong:
        raise InputError(f"{path}: column {', '.join(wrong)} is not numeric; drop or encode it.")
    return table.to_numpy(np.float64)
