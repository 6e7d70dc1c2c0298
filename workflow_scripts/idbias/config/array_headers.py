"""The shape of a user's array, read only from the header of its file."""

import zipfile
from pathlib import Path

from idbias.errors import InputError, one_line


def shape_of(path, inside):
    """Return the shape (N, ...) of an array in a .npy, .npz or .h5 file.

    inside: its name in the file, or "" for the only one. Raises InputError if there is no such array, or
    if it is not N points.
    """
    try:
        suffix = Path(path).suffix.lower()
        if suffix in (".h5", ".hdf5"):
            shape = _of_hdf5(path, inside.strip("/"))
        elif suffix == ".npz":
            shape = _of_npz(path, inside)
        else:
            with open(path, "rb") as file:
                shape = _of_npy(file)
    except InputError:
        raise
    except Exception as error:  # zipfile, numpy and h5py each raise their own
        raise InputError(
            f"{path} cannot be read ({one_line(error)}); get or make the file again."
        ) from None
    if not shape or 0 in shape:
        raise InputError(
            f"{path} holds an array of shape {shape}; give one of shape (N, ...), a row for each point."
        )
    return shape


def _of_npy(file):
    from numpy.lib import format

    version = format.read_magic(file)
    read = format.read_array_header_1_0 if version == (1, 0) else format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.kind not in "biuf":
        what = "objects of Python" if dtype.hasobject else f"{dtype}"
        raise InputError(f"{file.name} holds {what}; save a plain array of numbers.")
    return shape


def _of_npz(path, inside):
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        with archive.open(f"{_chosen(path, inside, names)}.npy") as file:
            return _of_npy(file)


def _of_hdf5(path, inside):
    import h5py

    with h5py.File(path, "r") as file:
        names = []
        file.visit(names.append)
        names = [name for name in names if file.get(name, getclass=True) is h5py.Dataset]
        return file[_chosen(path, inside, names)].shape


def _chosen(path, inside, names):
    if not inside and len(names) == 1:
        return names[0]
    if inside not in names:
        asked = f"has no array {inside}" if inside else f"holds {len(names)} arrays"
        raise InputError(f"{path} {asked}; write {path}:NAME with one of {', '.join(names)}.")
    return inside
