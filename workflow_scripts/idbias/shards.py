"""The shards of a stage as one: a small file names them, and their rows are read from one at a time.

A joined file holds no data. It says of each shard its path, bytes, rows and a checksum of its content,
and `Joined` reads rows by opening a shard, comparing it with that, reading, and closing it. HDF5's own
virtual datasets are not used: they read whatever they cannot open as zeros, without a word.
"""

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from idbias import hdf5
from idbias.errors import InputError

# Rows of what is not in memory that are read at a time.
ROWS = 64
# Attribute of a file: a checksum of what its datasets hold.
CONTENT = "content"
# Attribute of a joined file: its shards, as JSON.
SHARDS = "shards"
# What must be equal in all shards of a stage: how they were made.
MADE_BY = ("settings", "seed")
# What a file says of what made it (idbias.machine.made_by): it may differ, and a row says so.
MAKER = ("engine", "device", "processor")
# Attribute of a file: all that made it, as JSON, where it is made of several.
MADE_ON = "made_on"


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


def rows_at(dataset, rows):
    """Return `rows`, int (n,), of a dataset (N, ...), in the order asked for: h5py reads only increasing ones."""
    if not len(rows):
        return dataset[:0]
    wanted, back = np.unique(rows, return_inverse=True)
    # Rows that follow each other are one read; h5py is slow where it is given a list.
    dense = len(wanted) > (wanted[-1] - wanted[0]) // 2
    block = dataset[wanted[0] : wanted[-1] + 1] if dense else dataset[wanted]
    return (block[wanted - wanted[0]] if dense else block)[back]


def described(whole, shards, opened):
    """Return the attributes of the file `whole` that joins `shards` (paths) along their first axis.

    Shards are opened one at a time, by `opened` (files.opened), which refuses what is no shard of ours.
    Raises InputError if one cannot be read, was made with other settings than the first, holds other
    datasets or other shapes, or if an image is in them twice or out of order.
    """
    joined, last, first_kind, made_on = [], None, None, []
    for path in shards:
        with opened(path) as file:
            made_on = makers(file.attrs, made_on)
            made = {key: file.attrs[key] for key in MADE_BY if key in file.attrs}
            kinds = {name: (file[name].shape[1:], file[name].dtype.str) for name in file}
            rows = {file[name].shape[0] for name in file}
            first_kind = first_kind or (made, kinds)
            if (made, kinds) != first_kind or len(rows) != 1:
                raise InputError(
                    f"{path} was not made with the settings of {shards[0]}: they cannot be joined; "
                    "delete the one that is out of date and run again."
                )
            index = file["index"][()] if "index" in file else np.array([])
            if (np.diff(index if last is None else [last, *index]) <= 0).any():
                raise InputError(
                    f"the shards beside {shards[0]} hold an image twice or out of order; "
                    "delete them and run again."
                )
            last = index[-1] if len(index) else last
            joined.append(
                {
                    "path": os.path.relpath(path, Path(whole).parent),
                    "bytes": os.stat(path).st_size,
                    "rows": rows.pop(),
                    CONTENT: file.attrs.get(CONTENT),
                }
            )
    return {**(first_kind[0] if first_kind else {}), SHARDS: joined, MADE_ON: made_on}


def makers(attrs, known=()):
    """Return `known`, a list of dicts of MAKER, with what a file's attributes say made it, each once."""
    own = {name: attrs[name] for name in MAKER if name in attrs}
    of_file = json.loads(attrs[MADE_ON]) if MADE_ON in attrs else [own] if own else []
    return [*known, *(maker for maker in of_file if maker not in known)]


def whole(file, path):
    """Return what the open `file` at `path` holds: itself, or, if it joins shards, a `Joined`.

    Raises InputError if a shard is missing or another one than was joined, or if an idbias that still
    used virtual datasets wrote the file.
    """
    shards = json.loads(file.attrs.get(SHARDS, "null"))
    if shards is None:
        return file
    if not all("rows" in shard for shard in shards):
        raise InputError(
            f"{path} was written by an older idbias, which let HDF5 read missing shards as zeros; make it "
            f"anew, its shards are kept: rm {path}; snakemake --cores 1 -- {path}"
        )
    joined = Joined(path, shards, file.attrs)
    for number in range(len(shards)):
        with joined.shard(number):
            pass
    return joined


class Joined:
    """The datasets of several shards, read as those of one file.

    path: the joined file; shards: what `described` says of each; attrs: attributes of the joined file.
    """

    def __init__(self, path, shards, attrs):
        self.filename, self.shards, self.attrs = str(path), shards, attrs
        self.ends = np.cumsum([shard["rows"] for shard in shards])
        with self.shard(0) as first:
            self.datasets = {
                name: JoinedRows(self, name, first[name].shape[1:], first[name].dtype)
                for name in first
            }

    def __getitem__(self, name):
        if name not in self.datasets:
            raise hdf5.lacking(self.filename, [name], self)
        return self.datasets[name]

    def __contains__(self, name):
        return name in self.datasets

    def __iter__(self):
        return iter(self.datasets)

    def visititems(self, visit):
        """Call visit(name, dataset) for each dataset, as h5py does."""
        for name, dataset in self.datasets.items():
            visit(name, dataset)

    @contextmanager
    def shard(self, number):
        """Open one shard, an hdf5.Opened. Raises InputError unless it is the one that was joined."""
        expected = self.shards[number]
        path = Path(self.filename).parent / expected["path"]
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise self._refused(path, "is missing") from None
        except OSError as error:
            raise hdf5.fault(path, error) from None
        if size != expected["bytes"]:
            raise self._refused(path, f"has {size} bytes in place of {expected['bytes']}")
        try:
            file = hdf5.open_to_read(path)
        except InputError as error:
            raise InputError(f"{self.filename} joins the shard {path}, but {error}") from None
        with file:
            if file.attrs.get(CONTENT) != expected[CONTENT]:
                raise self._refused(path, "is another one than was joined")
            yield file

    def _refused(self, shard, fault):
        also = " and the shard" if shard.exists() else ""
        return InputError(
            f"{self.filename} joins the shard {shard}, which {fault}; delete {self.filename}{also} and run "
            "again: only what is missing is made anew."
        )


class JoinedRows:
    """One dataset of a `Joined`: shape (N, ...), dtype, and rows by number, slice, list or mask."""

    def __init__(self, joined, name, tail, dtype):
        self.joined, self.name, self.dtype = joined, name, dtype
        self.shape = (int(joined.ends[-1]), *tail)
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape))
        self.nbytes = self.size * dtype.itemsize
        self.chunks = None

    def __len__(self):
        return self.shape[0]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[()], dtype)

    def __getitem__(self, selection):
        """Return an ndarray as numpy's indexing of the whole array gives it; one shard is open at a time."""
        first, *others = selection if isinstance(selection, tuple) and selection else (selection,)
        everything = first is Ellipsis or (isinstance(first, tuple) and not first)
        rows = np.arange(len(self))[slice(None) if everything else first]
        wanted = np.atleast_1d(rows)
        values = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        number = np.searchsorted(self.joined.ends, wanted, side="right")
        for shard in np.unique(number):
            places = np.flatnonzero(number == shard)
            start = self.joined.ends[shard] - self.joined.shards[shard]["rows"]
            with self.joined.shard(shard) as file:
                values[places] = rows_at(file[self.name], wanted[places] - start)
        values = values if np.ndim(rows) else values[0]
        return values[(slice(None),) * np.ndim(rows) + tuple(others)] if others else values
