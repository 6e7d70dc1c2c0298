"""The shards of a stage as one HDF5 file, and the check that none of them is missing.

The file's datasets are virtual: HDF5 looks them up in the shards when they are read, and where it
finds no shard it reads zeros, without a word. So the file also keeps what it joined (path, bytes and
content of each shard), and no reader takes anything from it before `verify` has compared that with
what is there.
"""

import hashlib
import json
import os
from pathlib import Path

import h5py
import numpy as np

from idbias.errors import InputError

# Rows of what is not in memory that are read at a time.
ROWS = 64
# Attribute of a file: what its datasets hold.
CONTENT = "content"
# Attribute of a joined file: its shards, as JSON.
JOINED = "shards"
# What must be equal in all shards of a stage: how they were made.
MADE_BY = ("settings", "seed")


def content(datasets):
    """Return a SHA-256 of `datasets` (name -> array): names, shapes, types and bytes."""
    digest = hashlib.sha256()
    for name in sorted(datasets):
        array = sliceable(datasets[name])
        shape = array.shape or (1,)
        digest.update(f"{name} {shape} {array.dtype.str} ".encode())
        for _, values in blocks(array):
            digest.update(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
    return digest.hexdigest()


def sliceable(array):
    """Return what has a dtype of numpy, and so shape and slices, as it is; anything else as an array."""
    return array if isinstance(getattr(array, "dtype", None), np.dtype) else np.asarray(array)


def blocks(array):
    """Yield (rows, values) that together are `array`: an ndarray at once, another some rows at a time."""
    if isinstance(array, np.ndarray | np.generic) or not array.shape:
        yield (), array[()]
        return
    for first in range(0, array.shape[0], ROWS):
        rows = slice(first, min(first + ROWS, array.shape[0]))
        yield rows, array[rows]


def join(whole, shards):
    """Write the virtual datasets of `shards`, joined along their first axis, into an open file.

    `whole`: an h5py.File, which may be renamed within its folder; `shards`: paths.
    Raises InputError if shards were made with different settings, hold different datasets, or
    hold an image twice or out of order.
    """
    folder = Path(whole.filename).parent
    sources, joined, index, first_made = {}, [], [], None
    for shard in shards:
        with h5py.File(shard, "r") as file:
            made = {key: file.attrs[key] for key in MADE_BY if key in file.attrs}
            expected = sources.keys() if joined else file.keys()
            if joined and (made != first_made or file.keys() != expected):
                raise InputError(
                    f"{shard} was not made with the settings of {shards[0]}: they cannot be joined; "
                    "delete the one that is out of date and run again."
                )
            first_made = made
            relative = os.path.relpath(shard, folder)
            for name, dataset in file.items():
                source = h5py.VirtualSource(relative, name, dataset.shape, dataset.dtype)
                sources.setdefault(name, []).append(source)
            if "index" in file:
                index.append(file["index"][()])
            joined.append(_described(shard, relative, file))
    if index and (np.diff(np.concatenate(index)) <= 0).any():
        raise InputError(
            f"the shards beside {shards[0]} hold an image twice or out of order; "
            "delete them and run again."
        )
    for name, parts in sources.items():
        rows = sum(part.shape[0] for part in parts)
        layout = h5py.VirtualLayout((rows, *parts[0].shape[1:]), parts[0].dtype)
        first = 0
        for part in parts:
            if part.shape[0]:
                layout[first : first + part.shape[0]] = part
            first += part.shape[0]
        whole.create_virtual_dataset(name, layout)
    whole.attrs[JOINED] = json.dumps(joined)


def verify(file, path):
    """Check that every shard that the open HDF5 `file` at `path` joins is there, whole and the same.

    A file that joins nothing passes. Raises InputError naming the shard and the remedy.
    """
    joined = json.loads(file.attrs.get(JOINED, "null"))
    if joined is None:
        if _has_virtual_datasets(file):
            raise InputError(
                f"{path} does not say which shards it joins (an older idbias wrote it), so one that "
                f"is missing would be read as zeros; delete {path} and run again: shards are kept."
            )
        return
    if os.environ.get("HDF5_VDS_PREFIX"):
        raise InputError(
            f"the environment variable HDF5_VDS_PREFIX makes HDF5 look for the shards of {path} "
            "elsewhere; unset it."
        )
    for expected in joined:
        shard = Path(path).parent / expected["path"]
        fault = _fault(shard, expected)
        if fault:
            raise InputError(
                f"{path} joins the shard {shard}, which {fault}; delete {path}"
                f"{' and the shard' if shard.exists() else ''} and run again: "
                "only what is missing is made anew."
            )


def _described(shard, relative, file):
    return {
        "path": relative,
        "bytes": os.stat(shard).st_size,
        CONTENT: file.attrs.get(CONTENT),
    }


def _fault(shard, expected):
    """Return what is wrong with a shard, as the end of a sentence, or None."""
    if not shard.is_file():
        return "is missing"
    if (size := shard.stat().st_size) != expected["bytes"]:
        return f"has {size} bytes in place of {expected['bytes']}"
    try:
        with h5py.File(shard, "r") as file:
            found = file.attrs.get(CONTENT)
    except OSError as error:
        return f"is not a readable HDF5 file ({error})"
    return None if found == expected[CONTENT] else "is another one than was joined"


def _has_virtual_datasets(file):
    virtual = []
    file.visititems(lambda _, item: virtual.append(getattr(item, "is_virtual", False)) and None)
    return any(virtual)
