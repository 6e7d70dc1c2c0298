"""CIFAR, MNIST and SVHN from their own binary files; nothing is unpickled."""

import gzip
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from idbias.datasets.dataset import Dataset, check_labels
from idbias.datasets.members import contents, explained
from idbias.errors import InputError

FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip
DIGITS = tuple("0123456789")


def cifar10(path):
    """Read CIFAR-10's binary version (Krizhevsky 2009; cs.toronto.edu/~kriz/cifar.html).

    path: the tar.gz, or the folder it unpacks to. A record is a label and 3,072 pixels, one plane
    of 32 by 32 a channel. An archive without training batches gives an empty training set.
    Raises InputError if a file is missing or not of whole records, or a label is not 0..9.
    """
    train = [f"data_batch_{number}.bin" for number in range(1, 6)]
    return cifar(path, train, "test_batch.bin", "batches.meta.txt", label_bytes=1)


def cifar100(path):
    """Read CIFAR-100's binary version, with its 100 fine labels; otherwise as `cifar10`."""
    return cifar(path, ["train.bin"], "test.bin", "fine_label_names.txt", label_bytes=2)


def cifar(path, train, test, class_file, label_bytes):
    """Read a CIFAR archive; the label is the last of a record's `label_bytes`."""
    wanted = (*train, test, class_file)
    members = contents(path, lambda name: name.split("/")[-1] in wanted)
    files = {name.split("/")[-1]: content for name, content in members}
    missing = [name for name in (test, class_file) if name not in files]
    if any(name in files for name in train):
        missing += [name for name in train if name not in files]
    if missing:
        raise InputError(
            f"{path} has no {', '.join(missing)}; it is not the binary version of the archive."
        )
    classes = files[class_file].decode(errors="replace").split()
    train = [
        records(path, name, files[name], label_bytes, classes) for name in train if name in files
    ]
    train.append((np.empty((0, 3, 32, 32), np.uint8), np.empty(0, np.int64)))
    images, labels = (np.concatenate(part) for part in zip(*train, strict=True))
    return Dataset(images, labels, *records(path, test, files[test], label_bytes, classes), classes)


def records(path, name, content, label_bytes, classes):
    """Return images and labels of one CIFAR file."""
    size = label_bytes + 3072
    if len(content) == 0 or len(content) % size:
        raise InputError(
            f"{path}: {name} has {len(content)} bytes, which is no whole number of records of "
            f"{size} bytes; it is truncated or of another format."
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = check_labels(rows[:, label_bytes - 1], len(classes), f"{path}: {name}")
    return rows[:, label_bytes:].reshape(-1, 3, 32, 32).copy(), labels


def mnist(path):
    """Read MNIST's four idx files (LeCun et al. 1998), gzipped or not.

    path: the folder they are in, or one of them. Without the training files the training set is empty.
    Raises InputError if the test files are missing, or a file is truncated, has another format or
    size, or a label is not 0..9.
    """
    return idx(folder_of(path), DIGITS)


def fashion_mnist(path):
    """Read Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747), otherwise as `mnist`."""
    return idx(folder_of(path), FASHION)


def idx(folder, classes):
    """Read {train,t10k}-{images-idx3,labels-idx1}-ubyte, with or without .gz."""
    parts = []
    for part in ("train", "t10k"):
        files = [f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"]
        paths = [find(folder, name) for name in files]
        if part == "train" and not any(paths):
            parts += [None, np.empty(0, np.int64)]
            continue
        for name, file in zip(files, paths, strict=True):
            if file is None:
                raise InputError(f"{folder} has no {name}, with or without .gz; put it there.")
        images, labels = idx_array(paths[0], 3), idx_array(paths[1], 1)
        if len(images) != len(labels):
            raise InputError(
                f"{paths[0]} has {len(images)} images and {paths[1]} {len(labels)} labels; "
                "they are of different datasets."
            )
        parts += [images[:, None], check_labels(labels, len(classes), paths[1])]
    if parts[0] is None:
        parts[0] = np.empty((0, *parts[2].shape[1:]), np.uint8)
    return Dataset(*parts, list(classes))


def folder_of(path):
    """Return a folder as it is, and that of a file."""
    path = Path(path)
    return path if path.is_dir() else path.parent


def find(folder, name):
    """Return the file `name` or `name`.gz in `folder`, or None."""
    return next((file for file in (folder / f"{name}.gz", folder / name) if file.is_file()), None)


def idx_array(file, dimensions):
    """Return the uint8 array in an idx file, which has `dimensions` dimensions."""
    with explained(file):
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes([0, 0, 8, dimensions]):
        raise InputError(
            f"{file} is no idx file of {dimensions}-dimensional bytes: it starts with "
            f"{content[:4].hex()}, not 000008{dimensions:02x}."
        )
    shape = np.frombuffer(content, ">u4", dimensions, offset=4).astype(int)
    if len(content) - header != shape.prod() or 0 in shape:
        raise InputError(
            f"{file} says it holds {' by '.join(map(str, shape))} bytes, but has "
            f"{len(content) - header} after its header; it is truncated or damaged."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()


def svhn(path):
    """Read SVHN's cropped digits (Netzer et al. 2011) from train_32x32.mat and test_32x32.mat.

    The files label the digit 0 with 10; here it is 0. Without the training file the training set
    is empty. Raises InputError if the test file is missing, or a file is damaged, lacks X or y, is
    not uint8 (32, 32, 3, N), or a label is not 1..10.
    """
    folder = folder_of(path)
    if not (folder / "test_32x32.mat").is_file():
        raise InputError(f"{folder} has no test_32x32.mat; put it there.")
    parts = []
    for file in (folder / "train_32x32.mat", folder / "test_32x32.mat"):
        if file.is_file():
            parts += svhn_arrays(file)
        else:
            parts += [np.empty((0, 3, 32, 32), np.uint8), np.empty(0, np.int64)]
    return Dataset(*parts, list(DIGITS))


def svhn_arrays(file):
    """Return images and labels of one SVHN file."""
    with explained(file):
        loaded = loadmat(file, variable_names=("X", "y"))
    images, labels = loaded.get("X"), loaded.get("y")
    if images is None or labels is None:
        raise InputError(f"{file} lacks X or y, SVHN's images and labels; it is another file.")
    labels = labels.ravel().astype(np.int64)
    if images.dtype != np.uint8 or images.shape != (32, 32, 3, len(labels)):
        raise InputError(
            f"{file} has images {images.dtype} {images.shape} and {len(labels)} labels; SVHN's are "
            "uint8 (32, 32, 3, N) and N."
        )
    wrong = labels[(labels < 1) | (labels > 10)]
    if len(wrong):
        raise InputError(
            f"{file} has the label {wrong[0]}; SVHN's are 1 to 10 (10 is the digit 0)."
        )
    return [np.ascontiguousarray(images.transpose(3, 2, 0, 1)), labels % 10]
