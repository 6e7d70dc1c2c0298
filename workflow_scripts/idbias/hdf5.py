"""HDF5 files opened to read: what the system refuses is called that, and only damage is called damage."""

import errno
import os
import re

import h5py
import numpy as np

from idbias.errors import InputError, one_line
from idbias.hdf5_writing import ROW_SUMS, row_sums
from idbias.whole_files import system_number

# What HDF5 says of a file whose bytes are wrong, with no number of the system beside it.
DAMAGED = (
    "truncated",
    "signature",
    "checksum",
    "filter returned failure",
    "inflate",
    "bad object header",
)
LOCKED = (errno.EAGAIN, errno.ENOLCK, errno.EACCES, errno.ENOSYS, errno.ENOTSUP)
# What the system says -> what helps.
REMEDIES = {
    errno.EACCES: "ask its owner for permission to read it",
    errno.EPERM: "ask its owner for permission to read it",
    errno.EMFILE: "allow more open files (ulimit -n) and run again",
    errno.ENFILE: "allow more open files (ulimit -n) and run again",
    errno.ENOMEM: "ask for more memory and run again",
    errno.EISDIR: "give a file in place of a folder",
}


def open_to_read(path):
    """Return the HDF5 file `path`, an `Opened`.

    Raises InputError, in one sentence, if it is missing, if the system refuses to open or read it, or
    if it is damaged; the file is called damaged only where its bytes are.
    """
    if not os.path.lexists(path):
        raise InputError(f"{path} does not exist; run the stage that makes it.")
    try:
        return Opened(path, "r")
    except OSError as error:
        raise fault(path, error) from None


def fault(path, error):
    """Return the InputError that says why HDF5 could not open or read `path`."""
    number = system_number(error)
    if number in LOCKED and "lock" in str(error):
        return InputError(
            f"{path} cannot be locked ({os.strerror(number)}): another program writes to it, or its file "
            "system has no locks; wait for that program, or set HDF5_USE_FILE_LOCKING=FALSE."
        )
    if number is not None:
        remedy = REMEDIES.get(number, "the file may well be whole: fix that and run again")
        return InputError(f"{path} cannot be read now ({os.strerror(number)}); {remedy}.")
    filter_missing = re.search(r"required filter '?(.*?)'? is not registered", str(error))
    if filter_missing:
        return InputError(
            f"{path} is compressed by the HDF5 filter {filter_missing[1]}, which this h5py does not have; "
            "write it again with gzip or uncompressed (h5repack -f GZIP=1)."
        )
    unsigned = not h5py.is_hdf5(path)
    if unsigned or any(sign in str(error).lower() for sign in DAMAGED):
        return damage(path, one_line(error), "not a readable HDF5 file" if unsigned else "damaged")
    return InputError(
        f"{path} cannot be read ({one_line(error)}); the file may well be whole: run again."
    )


def damage(path, reason, what="damaged"):
    """Return the InputError that says that the bytes of `path` are wrong."""
    return InputError(
        f"{path} is {what} ({reason}); delete it and run again if idbias made it, else get it again."
    )


def lacking(path, missing, held):
    """Return the InputError that says which names a file lacks; held: those that it has."""
    return InputError(
        f"{path} lacks {', '.join(missing)}; it holds {', '.join(held) or 'nothing'}: "
        "it is not the file this stage expects, delete it and run again."
    )


class Expected(dict):
    """What a file holds, by name; a name that it lacks raises InputError naming the file."""

    def __init__(self, path, items):
        super().__init__(items)
        self.path = path

    def __missing__(self, name):
        raise lacking(self.path, [name], self)


class _Members:
    """Members of a file or group, of which a missing or unreadable one raises InputError."""

    def __getitem__(self, name):
        path = self.file.filename
        if isinstance(name, str) and name not in self:
            raise lacking(path, [name], self)
        try:
            member = super().__getitem__(name)
        except (OSError, KeyError, RuntimeError) as error:
            raise fault(path, error) from None
        kinds = {h5py.Dataset: Dataset, h5py.Group: Group}
        return kinds[type(member)](member.id) if type(member) in kinds else member

    @property
    def attrs(self):
        try:
            return Expected(self.file.filename, super().attrs)
        except OSError as error:
            raise fault(self.file.filename, error) from None


class Group(_Members, h5py.Group):
    """A group whose members are read as those of `Opened`."""


class Opened(_Members, h5py.File):
    """An HDF5 file to read; what it lacks, or what cannot be read, raises InputError naming it."""


class Dataset(h5py.Dataset):
    """A dataset whose reading raises InputError naming the file, and which is no virtual one."""

    def __init__(self, bound):
        super().__init__(bound, readonly=True)
        if self.is_virtual or self.external:
            kind = "a virtual dataset" if self.is_virtual else "kept in other, raw files"
            raise InputError(
                f"{self.file.filename}: {self.name} is {kind}: what HDF5 cannot open of its parts, it reads "
                "as zeros without a word; give the parts themselves, or a plain copy of it."
            )
        try:
            sums = self.attrs.get(ROW_SUMS)
            self.row_sums = None if sums is None else self.parent[sums][()]
        except (OSError, KeyError) as error:
            raise fault(self.file.filename, error) from None

    def __getitem__(self, selection, **options):
        try:
            values = super().__getitem__(selection, **options)
        except OSError as error:
            raise fault(self.file.filename, error) from None
        self._check_rows(selection, values)
        return values

    def read_direct(self, dest, source_sel=None, dest_sel=None):
        """Read as h5py.Dataset.read_direct does."""
        try:
            super().read_direct(dest, source_sel, dest_sel)
        except OSError as error:
            raise fault(self.file.filename, error) from None
        self._check_rows(source_sel, dest if dest_sel is None else dest[dest_sel])

    def _check_rows(self, selection, values):
        """Raise InputError if whole rows `values` do not have the checksums that were written."""
        everything = selection is None or (isinstance(selection, tuple) and not selection)
        rows = slice(None) if everything else selection
        if self.row_sums is None or not isinstance(rows, int | np.integer | slice):
            return
        values = np.atleast_2d(values).astype(self.dtype, copy=False)
        wrong = np.flatnonzero(row_sums(values) != self.row_sums[rows])
        if len(wrong):
            first = np.atleast_1d(np.arange(len(self))[rows])[wrong[0]]
            raise damage(self.file.filename, f"checksum of row {first} of {self.name} is wrong")
