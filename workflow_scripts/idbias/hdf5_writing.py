"""HDF5 files that are written: what the system refuses is raised when it is, and each array has a checksum."""

import os

import h5py
import numpy as np

# Arrays of one and two dimensions lie in chunks of about this many bytes, no more than HDF5 holds of each.
CHUNK_BYTES = 2**20
# Attribute of a dataset: the name of the one with the checksums of its rows (`RowSums`).
ROW_SUMS = "row_sums"


class Created(h5py.File):
    """A new HDF5 file at `path`, which is removed by nobody: see files.creating."""

    def __init__(self, path):
        self.sink = Sink(path)
        try:
            super().__init__(self.sink, "w")
        except BaseException:
            self.sink.close()
            raise

    def create_dataset(self, name, shape=None, dtype=None, data=None, **options):
        """As h5py's, but stored as `storage` says where no `options` say how."""
        if not options:
            data = None if data is None else np.asarray(data)
            options = storage(shape, dtype) if data is None else storage(data.shape, data.dtype)
        return super().create_dataset(name, shape, dtype, data, **options)

    def check(self):
        """Raise what the system said if it refused to write: what is written after that is lost."""
        self.sink.check()

    def close(self):
        """Write what HDF5 holds back; raise what the system said if it refused that, or anything before."""
        try:
            super().close()
        finally:
            self.sink.close()


class Sink:
    """The file at `path` as h5py's driver for Python's files wants one.

    Where HDF5 itself cannot write what it holds back, closing the file ends in a segmentation fault. So it is
    told that all was written, and `check` and `close` raise what the system said.
    """

    def __init__(self, path):
        self.error, self.place = None, 0
        self.number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def check(self):
        if self.error is not None:
            raise self.error

    def close(self):
        number, self.number = self.number, None
        if number is not None:
            os.close(number)
            self.check()

    def seek(self, place, whence=os.SEEK_SET):
        self.place = place if whence == os.SEEK_SET else os.fstat(self.number).st_size + place

    def tell(self):
        return self.place

    def read(self, size):
        return os.pread(self.number, size, self.place)

    def readinto(self, buffer):
        return os.preadv(self.number, [buffer], self.place)

    def write(self, content):
        self._attempt(self._write, memoryview(content).cast("B"))

    def _write(self, content):
        while len(content):
            written = os.pwrite(self.number, content, self.place)
            content, self.place = content[written:], self.place + written

    def truncate(self, size):
        self._attempt(os.ftruncate, self.number, size)

    def flush(self):
        """Nothing is held back here."""

    def _attempt(self, work, *arguments):
        if self.error is None:
            try:
                work(*arguments)
            except BaseException as error:  # an interrupt too: nothing may be raised into HDF5
                self.error = error


def storage(shape, dtype):
    """Return h5py's chunk and compression arguments for images or masks of `shape` (N, ...), or for numbers."""
    if len(shape) < 3 or 0 in shape:
        return checked(shape, dtype)
    return {
        "chunks": (1, *shape[1:]),
        "compression": "gzip",
        "compression_opts": 1,
        "shuffle": True,
        "fletcher32": True,
    }


def checked(shape, dtype):
    """Return h5py's arguments for an array of `shape` in chunks of whole rows with a checksum each.

    A damaged chunk raises when it is read. Only scalars and what is empty have none.
    """
    if not shape or 0 in shape:
        return {}
    row = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
    chunks = (max(1, min(shape[0], CHUNK_BYTES // row)), *shape[1:])
    if row > CHUNK_BYTES:
        chunks = (1,) * (len(shape) - 1) + (
            min(shape[-1], CHUNK_BYTES // np.dtype(dtype).itemsize),
        )
    return {"chunks": chunks, "fletcher32": True}


class RowSums:
    """A dataset (N, M) that is filled by blocks, of which it keeps a checksum of each row.

    Readers of whole rows compare them (hdf5.Dataset), in a tenth of the time of HDF5's own checksums.
    """

    def __init__(self, dataset):
        self.dataset, self.dtype = dataset, dataset.dtype
        self.sums = row_sums(np.zeros((len(dataset), 1), dataset.dtype))

    def __setitem__(self, where, values):
        self.dataset[where] = values
        self.sums[where[0]] ^= row_sums(values)

    def write(self):
        """Write the checksums beside the dataset, once that is full."""
        arguments = checked(self.sums.shape, self.sums.dtype)
        self.dataset.parent.create_dataset(ROW_SUMS, data=self.sums, **arguments)
        self.dataset.attrs[ROW_SUMS] = ROW_SUMS


def row_sums(values):
    """Return of each row of numbers (n, M) the exclusive or of their bits, (n,)."""
    bits = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
    return np.bitwise_xor.reduce(bits, axis=1)
