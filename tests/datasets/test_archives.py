"""CIFAR, MNIST and SVHN, on tiny archives in the true format: whole, and broken in many ways."""

import gzip
import struct

import numpy as np
import pytest
from archive_files import DATA, pack, pixels, refused
from scipy.io import savemat

from idbias.datasets import binary

# CIFAR


def cifar_records(labels, coarse=False):
    images = pixels(len(labels), 3, 32, 32)
    rows = [([7] if coarse else []) + [label] for label in labels]
    content = b"".join(
        bytes(row) + image.tobytes() for row, image in zip(rows, images, strict=True)
    )
    return images, content


def cifar10_files(folder="cifar-10-batches-bin/"):
    batches = {f"data_batch_{i}.bin": cifar_records([i, 9 - i]) for i in range(1, 6)}
    batches["test_batch.bin"] = cifar_records([3, 0, 9])
    names = [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ]
    files = {folder + "batches.meta.txt": "\n".join([*names, "", ""]).encode()}
    images = {name: batch[0] for name, batch in batches.items()}
    return images, files | {folder + name: batch[1] for name, batch in batches.items()}


def test_cifar10(tmp_path):
    images, files = cifar10_files()
    data = binary.cifar10(pack(tmp_path / "cifar.tar.gz", files))
    expected = np.concatenate([images[f"data_batch_{i}.bin"] for i in range(1, 6)])
    np.testing.assert_array_equal(data.train_images, expected)
    np.testing.assert_array_equal(data.test_images, images["test_batch.bin"])
    assert data.train_labels.tolist() == [1, 8, 2, 7, 3, 6, 4, 5, 5, 4]
    assert data.test_labels.tolist() == [3, 0, 9]
    assert (data.classes[0], data.classes[9], len(data.classes)) == ("airplane", "truck", 10)
    assert data.test_images.flags.writeable
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    unpacked = binary.cifar10(tmp_path / "cifar-10-batches-bin")
    np.testing.assert_array_equal(unpacked.train_images, expected)


def test_cifar100_has_fine_labels(tmp_path):
    files = {"cifar-100-binary/fine_label_names.txt": b"\n".join(b"c%d" % i for i in range(100))}
    for name, labels in (("train", [99, 1]), ("test", [50, 0])):
        _, files[f"cifar-100-binary/{name}.bin"] = cifar_records(labels, coarse=True)
    data = binary.cifar100(pack(tmp_path / "cifar.tar.gz", files))
    assert data.train_labels.tolist() == [99, 1]
    assert data.test_labels.tolist() == [50, 0]
    assert data.train_images.shape == (2, 3, 32, 32)
    assert data.classes[99] == "c99"
    files["cifar-100-binary/test.bin"] += b"1"
    refused("test.bin has 6149 bytes", binary.cifar100, pack(tmp_path / "1.tar.gz", files))
    del files["cifar-100-binary/test.bin"]
    refused("has no test.bin", binary.cifar100, pack(tmp_path / "2.tar.gz", files))
    files["cifar-100-binary/test.bin"] = cifar_records([100], coarse=True)[1]
    refused("label 100", binary.cifar100, pack(tmp_path / "3.tar.gz", files))


@pytest.mark.skipif(not (DATA / "cifar10-first1017.tar.gz").exists(), reason=f"no {DATA}")
def test_the_first_images_of_cifar10_without_training_batches():
    data = binary.cifar10(DATA / "cifar10-first1017.tar.gz")
    assert data.test_images.shape == (1017, 3, 32, 32)
    assert data.train_images.shape == (0, 3, 32, 32)
    assert data.train_labels.shape == (0,)
    assert data.test_labels[:5].tolist() == [3, 8, 8, 0, 6]
    assert data.classes[3] == "cat"


TEST = "cifar-10-batches-bin/test_batch.bin"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({TEST: b"\0" * 3072}, "test_batch.bin has 3072 bytes, which is no whole number"),
        ({TEST: b""}, "test_batch.bin has 0 bytes"),
        ({TEST: b"\0" * 3073 + b"\x0a" + b"\0" * 3072}, "test_batch.bin: image 1 has label 10"),
        ({TEST: None}, "has no test_batch.bin"),
        ({"cifar-10-batches-bin/data_batch_4.bin": None}, "has no data_batch_4.bin"),
        ({"cifar-10-batches-bin/batches.meta.txt": None}, "has no batches.meta.txt"),
        ({"../data_batch_9.bin": b"x"}, r"member '\.\./data_batch_9.bin' is a path that leads out"),
        ({"/tmp/x": b"x"}, "member '/tmp/x' is a path that leads out"),
    ],
)
def test_broken_cifar10(tmp_path, change, message):
    _, files = cifar10_files()
    files = {name: content for name, content in (files | change).items() if content is not None}
    refused(message, binary.cifar10, pack(tmp_path / "cifar.tar.gz", files))


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar", ".zip"])
def test_damaged_archives_are_named_wherever_they_are_cut(tmp_path, suffix):
    _, files = cifar10_files()
    path = pack(tmp_path / f"cifar{suffix}", files)
    whole = path.read_bytes()
    # 4608: between the first and the second member of the tar.
    for cut in (0, 100, 1024, 4608, len(whole) // 2, len(whole) - 10_000):
        path.write_bytes(whole[:cut])
        refused(f"cifar{suffix}.* is truncated or damaged", binary.cifar10, path)
    refused("missing.tar.gz does not exist", binary.cifar10, tmp_path / "missing.tar.gz")
    if suffix != ".tar":  # which has no checksums
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        refused(f"cifar{suffix}.* is truncated or damaged", binary.cifar10, path)


# MNIST and Fashion-MNIST


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def mnist_files():
    arrays = {
        "train-images-idx3-ubyte": pixels(4, 28, 28),
        "train-labels-idx1-ubyte": np.array([5, 0, 4, 9]),
        "t10k-images-idx3-ubyte": pixels(3, 28, 28),
        "t10k-labels-idx1-ubyte": np.array([7, 2, 1]),
    }
    return arrays, {name: idx(array) for name, array in arrays.items()}


@pytest.mark.parametrize("packed", [True, False])
def test_mnist(tmp_path, packed):
    arrays, files = mnist_files()
    for name, content in files.items():
        path = tmp_path / (name + ".gz" * packed)
        path.write_bytes(gzip.compress(content) if packed else content)
    data = binary.mnist(tmp_path)
    np.testing.assert_array_equal(data.train_images[:, 0], arrays["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(data.test_images[:, 0], arrays["t10k-images-idx3-ubyte"])
    assert data.train_labels.tolist() == [5, 0, 4, 9]
    assert data.test_labels.tolist() == [7, 2, 1]
    assert binary.fashion_mnist(tmp_path).classes[5] == "Sandal"
    for path in tmp_path.glob("train*"):
        path.unlink()
    assert binary.mnist(tmp_path).train_images.shape == (0, 1, 28, 28)


IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (IMAGES, lambda b: gzip.compress(b)[:-20], f"{IMAGES} is truncated or damaged"),
        (IMAGES, lambda b: b[:-1], "says it holds 3 by 28 by 28 bytes, but has 2351"),
        (IMAGES, lambda b: b + b"x", "but has 2353 after its header"),
        (IMAGES, lambda b: idx(np.zeros((2, 28, 28))), "has 2 images and .* 3 labels"),
        (IMAGES, lambda b: b"\0\0\x0d\x03" + b[4:], "starts with 00000d03, not 00000803"),
        (LABELS, lambda b: idx(np.zeros((3, 28, 28))), "starts with 00000803, not 00000801"),
        (LABELS, lambda b: b[:-1] + b"\x0a", "image 2 has label 10"),
        (LABELS, lambda b: None, f"has no {LABELS}, with or without .gz"),
        ("train-labels-idx1-ubyte", lambda b: None, "has no train-labels-idx1-ubyte"),
        (IMAGES, lambda b: b"", "starts with , not 00000803"),
    ],
)
def test_broken_mnist(tmp_path, name, change, message):
    _, files = mnist_files()
    files[name] = change(files[name])
    for file, content in files.items():
        if content is not None:
            (tmp_path / file).write_bytes(content)
    refused(message, binary.mnist, tmp_path)


# SVHN


def test_svhn(tmp_path):
    images = pixels(32, 32, 3, 4)
    labels = np.array([[1], [10], [9], [10]], np.uint8)
    savemat(tmp_path / "test_32x32.mat", {"X": images, "y": labels})
    data = binary.svhn(tmp_path)
    assert data.test_labels.tolist() == [1, 0, 9, 0]
    np.testing.assert_array_equal(data.test_images[2].transpose(1, 2, 0), images[..., 2])
    assert data.train_images.shape == (0, 3, 32, 32)
    savemat(tmp_path / "train_32x32.mat", {"X": images[..., :2], "y": labels[:2]})
    assert binary.svhn(tmp_path).train_labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no test_32x32.mat"),
        (b"", "test_32x32.mat is truncated or damaged"),
        ("cut", "test_32x32.mat is truncated or damaged"),
        ({"X": pixels(32, 32, 3, 2)}, "lacks X or y"),
        ({"X": pixels(32, 32, 3, 2), "y": [1, 2, 3]}, r"\(32, 32, 3, 2\) and 3 labels"),
        ({"X": pixels(3, 32, 32, 2), "y": [1, 2]}, r"uint8 \(3, 32, 32, 2\)"),
        ({"X": np.zeros((32, 32, 3, 2)), "y": [1, 2]}, "images float64"),
        ({"X": pixels(32, 32, 3, 2), "y": [1, 11]}, "the label 11; SVHN's are 1 to 10"),
        ({"X": pixels(32, 32, 3, 2), "y": [0, 1]}, "the label 0"),
    ],
)
def test_broken_svhn(tmp_path, content, message):
    path = tmp_path / "test_32x32.mat"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        cut = content == "cut"
        savemat(path, {"X": pixels(32, 32, 3, 2), "y": [1, 2]} if cut else content)
        path.write_bytes(path.read_bytes()[: -1000 if cut else None])
    refused(message, binary.svhn, tmp_path)
