"""Each dataset's loader, on tiny archives in the true format: whole, and broken in many ways."""

import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.io import loadmat, savemat

from idbias import archives
from idbias.errors import InputError

DATA = Path(os.environ.get("IDBIAS_TEST_DATA", Path(__file__).parents[2] / "shared/data"))
GENERATOR = np.random.default_rng(0)
WNIDS = ["n01440764", "n02102040", "n02979186"]


def pixels(*shape):
    return GENERATOR.integers(0, 256, shape, dtype=np.uint8)


def encoded(image, kind="PNG"):
    """An image (H, W, 3) as a file's bytes."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def pack(path, files, links=()):
    """Pack name -> bytes into the tar or zip that the suffix says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
            for name in links:
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o120777 << 16
                archive.writestr(info, "/etc/passwd")
        return path
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    return path


def refused(message, load, *arguments, **options):
    """The loader raises one sentence with `message` in it."""
    with pytest.raises(InputError, match=message) as raised:
        load(*arguments, **options)
    assert "\n" not in str(raised.value)


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
    data = archives.cifar10(pack(tmp_path / "cifar.tar.gz", files))
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
    unpacked = archives.cifar10(tmp_path / "cifar-10-batches-bin")
    np.testing.assert_array_equal(unpacked.train_images, expected)


def test_cifar100_has_fine_labels(tmp_path):
    files = {"cifar-100-binary/fine_label_names.txt": b"\n".join(b"c%d" % i for i in range(100))}
    for name, labels in (("train", [99, 1]), ("test", [50, 0])):
        _, files[f"cifar-100-binary/{name}.bin"] = cifar_records(labels, coarse=True)
    data = archives.cifar100(pack(tmp_path / "cifar.tar.gz", files))
    assert data.train_labels.tolist() == [99, 1]
    assert data.test_labels.tolist() == [50, 0]
    assert data.train_images.shape == (2, 3, 32, 32)
    assert data.classes[99] == "c99"
    files["cifar-100-binary/test.bin"] += b"1"
    refused("test.bin has 6149 bytes", archives.cifar100, pack(tmp_path / "1.tar.gz", files))
    del files["cifar-100-binary/test.bin"]
    refused("has no test.bin", archives.cifar100, pack(tmp_path / "2.tar.gz", files))
    files["cifar-100-binary/test.bin"] = cifar_records([100], coarse=True)[1]
    refused("label 100", archives.cifar100, pack(tmp_path / "3.tar.gz", files))


@pytest.mark.skipif(not (DATA / "cifar10-first1017.tar.gz").exists(), reason=f"no {DATA}")
def test_the_first_images_of_cifar10_without_training_batches():
    data = archives.cifar10(DATA / "cifar10-first1017.tar.gz")
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
    refused(message, archives.cifar10, pack(tmp_path / "cifar.tar.gz", files))


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar", ".zip"])
def test_damaged_archives_are_named_wherever_they_are_cut(tmp_path, suffix):
    _, files = cifar10_files()
    path = pack(tmp_path / f"cifar{suffix}", files)
    whole = path.read_bytes()
    # 4608: between the first and the second member of the tar.
    for cut in (0, 100, 1024, 4608, len(whole) // 2, len(whole) - 10_000):
        path.write_bytes(whole[:cut])
        refused(f"cifar{suffix}.* is truncated or damaged", archives.cifar10, path)
    refused("missing.tar.gz does not exist", archives.cifar10, tmp_path / "missing.tar.gz")
    if suffix != ".tar":  # which has no checksums
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        refused(f"cifar{suffix}.* is truncated or damaged", archives.cifar10, path)


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
    data = archives.mnist(tmp_path)
    np.testing.assert_array_equal(data.train_images[:, 0], arrays["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(data.test_images[:, 0], arrays["t10k-images-idx3-ubyte"])
    assert data.train_labels.tolist() == [5, 0, 4, 9]
    assert data.test_labels.tolist() == [7, 2, 1]
    assert archives.fashion_mnist(tmp_path).classes[5] == "Sandal"
    for path in tmp_path.glob("train*"):
        path.unlink()
    assert archives.mnist(tmp_path).train_images.shape == (0, 1, 28, 28)


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
    refused(message, archives.mnist, tmp_path)


# SVHN


def test_svhn(tmp_path):
    images = pixels(32, 32, 3, 4)
    labels = np.array([[1], [10], [9], [10]], np.uint8)
    savemat(tmp_path / "test_32x32.mat", {"X": images, "y": labels})
    data = archives.svhn(tmp_path)
    assert data.test_labels.tolist() == [1, 0, 9, 0]
    np.testing.assert_array_equal(data.test_images[2].transpose(1, 2, 0), images[..., 2])
    assert data.train_images.shape == (0, 3, 32, 32)
    savemat(tmp_path / "train_32x32.mat", {"X": images[..., :2], "y": labels[:2]})
    assert archives.svhn(tmp_path).train_labels.tolist() == [1, 0]


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
    refused(message, archives.svhn, tmp_path)


# Folders of images


def folder_files(size=(8, 6), number=4, classes=("cat", "dog"), splits=("train/", "test/")):
    """Name -> image (H, W, 3)."""
    return {
        f"pets/{split}{label}/{i}.png": pixels(*size, 3)
        for split in splits
        for label in classes
        for i in range(number)
    }


def packed(path, images, **more):
    return pack(path, {name: encoded(image) for name, image in images.items()} | more)


@pytest.mark.parametrize("suffix", [".zip", ".tgz", ".tar", ""])
def test_image_folders_load_the_same_from_any_container(tmp_path, suffix):
    images = folder_files()
    junk = {"pets/README.txt": b"x", "__MACOSX/pets/._0.png": b"x", "pets/train/.x.png": b"x"}
    path = packed(tmp_path / f"pets{suffix or '.tar'}", images, **junk)
    if not suffix:
        with tarfile.open(path) as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
        path = tmp_path / "unpacked"
    data = archives.image_folder(path)
    assert data.classes == ["cat", "dog"]
    for split in ("train", "test"):
        found, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        assert found.shape == (8, 3, 8, 6)
        assert sorted(labels.tolist()) == [0] * 4 + [1] * 4
        for image, label in zip(found, labels, strict=True):
            names = [n for n, i in images.items() if (i.transpose(2, 0, 1) == image).all()]
            assert names[0].startswith(f"pets/{split}/{data.classes[label]}/")
    again = archives.image_folder(path)
    np.testing.assert_array_equal(again.test_images, data.test_images)
    other = archives.image_folder(path, seed=1)
    assert not np.array_equal(other.test_images, data.test_images)


def test_a_folder_without_split_is_split_by_class_and_seed(tmp_path):
    images = folder_files(number=10, classes=("a", "b", "c"), splits=("",))
    path = packed(tmp_path / "x.zip", images)
    data = archives.image_folder(path, test_fraction=0.3)
    assert np.bincount(data.train_labels).tolist() == [7, 7, 7]
    assert np.bincount(data.test_labels).tolist() == [3, 3, 3]
    together = np.concatenate([data.train_images, data.test_images])
    assert len(np.unique(together.reshape(30, -1), axis=0)) == 30
    again = archives.image_folder(path, test_fraction=0.3)
    np.testing.assert_array_equal(again.test_images, data.test_images)
    refused(
        "class 'a' has 10 images, of which 0.01", archives.image_folder, path, test_fraction=0.01
    )


def test_images_are_scaled_cropped_and_made_grey(tmp_path):
    image = pixels(8, 16, 3).repeat(4, 0).repeat(4, 1)
    path = packed(tmp_path / "x.zip", {f"test/{label}/0.png": image for label in "ab"})

    def scaled(*size):
        # torch's own antialiased interpolation; it rounds differently.
        whole = torch.tensor(image.transpose(2, 0, 1)[None], dtype=torch.float32)
        return F.interpolate(whole, size, mode="bilinear", antialias=True)[0].numpy()

    stretched = archives.image_folder(path, size=16, fit="stretch").test_images[0]
    np.testing.assert_allclose(stretched, scaled(16, 16), atol=1.01)
    # The shorter side becomes 16 * 256 / 224 = 18.3, rounded.
    cropped = archives.image_folder(path, size=16, fit="crop").test_images[0]
    np.testing.assert_allclose(cropped, scaled(18, 36)[:, 1:17, 10:26], atol=1.01)
    grey = archives.image_folder(path, channels=1).test_images
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey[0, 0], image @ weights, atol=1.01)


def test_large_sets_may_go_straight_to_hdf5(tmp_path):
    images = folder_files()
    path = packed(tmp_path / "x.tgz", images)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        names = iter(["train", "test"])
        data = archives.image_folder(
            path, allocate=lambda shape, dtype: file.create_dataset(next(names), shape, dtype)
        )
        assert isinstance(data.train_images, h5py.Dataset)
        expected = archives.image_folder(path)
        np.testing.assert_array_equal(data.train_images[()], expected.train_images)
        np.testing.assert_array_equal(file["test"][()], expected.test_images)


@pytest.mark.skipif(not (DATA / "cifar10-jpeg-imagefolder.zip").exists(), reason=f"no {DATA}")
def test_twenty_thousand_jpegs_by_class():
    counts = []
    data = archives.image_folder(
        DATA / "cifar10-jpeg-imagefolder.zip", progress=lambda **settings: Counter(counts, settings)
    )
    assert data.train_images.shape == data.test_images.shape == (10_000, 3, 32, 32)
    assert np.bincount(data.train_labels).tolist() == [1000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert len(set(data.test_labels[:100].tolist())) == 10
    assert data.classes[:3] == ["airplane", "automobile", "bird"]
    assert (counts[0]["total"], len(counts)) == (20_000, 20_001)


class Counter:
    def __init__(self, counts, settings):
        self.counts = counts
        counts.append(settings)

    def update(self, number):
        self.counts.append(number)

    def close(self):
        pass


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pets/train/cat/0.png": b"no image"}, "pets/train/cat/0.png is no readable image"),
        ({"pets/test/dog/1.png": "cut"}, "pets/test/dog/1.png is no readable image"),
        (
            {"pets/test/dog/1.png": pixels(9, 9, 3)},
            "is 9 by 9 pixels, but .* is 6 by 8; give a `size`",
        ),
        ({"pets/test/cow/0.png": pixels(8, 6, 3)}, "class 'cow' is in only one of train and test"),
        ({"pets/other/cow/0.png": pixels(8, 6, 3)}, "has 'other' beside test, train"),
        ({"pets/train/0.png": pixels(8, 6, 3)}, "pets/train/0.png lies in no class folder"),
        ({"pets/../../0.png": b""}, "leads out of the archive"),
        ({"/0.png": b""}, "leads out of the archive"),
        ({"C:\\0.png": b""}, "leads out of the archive"),
        ({"pets/train/cat/9.png": "link"}, "'pets/train/cat/9.png' is a link or device"),
    ],
)
def test_broken_image_folders(tmp_path, suffix, change, message):
    files = {name: encoded(image) for name, image in folder_files().items()}
    links = []
    for name, value in change.items():
        if isinstance(value, np.ndarray):
            files[name] = encoded(value)
        elif value == "cut":
            files[name] = files[name][:-40]
        elif value == "link":
            links.append(name)
        else:
            files[name] = value
    before = sorted(os.listdir(tmp_path))
    path = pack(tmp_path / f"pets{suffix}", files, links)
    refused(message, archives.image_folder, path)
    path.unlink()
    assert sorted(os.listdir(tmp_path)) == before, "something half-made is left"


def test_a_folder_without_images_is_refused(tmp_path):
    refused("there are no images", archives.image_folder, tmp_path)
    refused("does not exist", archives.image_folder, tmp_path / "none")
    path = packed(tmp_path / "x.zip", folder_files())
    refused("by 'squash' to 3", archives.image_folder, path, size=8, fit="squash")


# Imagenette and ImageNet


def test_imagenette_is_stretched_and_its_classes_have_names(tmp_path):
    images = {
        f"imagenette2-320/{split}/{wnid}/{wnid}_{i}.JPEG": pixels(40, 30, 3)
        for split in ("train", "val")
        for wnid in WNIDS
        for i in range(2)
    }
    files = {name: encoded(image, "JPEG") for name, image in images.items()}
    files["imagenette2-320/noisy_imagenette.csv"] = b"path,label"
    path = pack(tmp_path / "imagenette2-320.tgz", files)
    data = archives.imagenette(path, size=16)
    assert data.train_images.shape == data.test_images.shape == (6, 3, 16, 16)
    assert data.classes == ["tench", "English springer", "cassette player"]
    assert archives.imagenette(path).test_images.shape[2:] == (224, 224)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("imagenette2-320.tgz is truncated", archives.imagenette, path)
    name = "imagenette2-320/val/n01440764/n01440764_0.JPEG"
    path = pack(tmp_path / "x.tgz", files | {name: files[name][:-400]})
    refused(f"{name} is no readable image", archives.imagenette, path)


def imagenet(tmp_path):
    """Three validation images and a devkit whose own order of classes is not the sorted one."""
    names = [f"ILSVRC2012_val_{i:08d}.JPEG" for i in (1, 2, 3)]
    images = {name: encoded(np.full((20, 30, 3), i * 50, np.uint8), "JPEG")
              for i, name in enumerate(names)}  # fmt: skip
    fields = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object), ("gloss", object),
              ("num_children", object)]  # fmt: skip
    rows = [(1, WNIDS[2]), (2, WNIDS[0]), (3, WNIDS[1]), (4, "n00000001")]
    synsets = np.array(
        [(number, wnid, "", "", 0 if number < 4 else 3) for number, wnid in rows], dtype=fields
    )
    meta = io.BytesIO()
    savemat(meta, {"synsets": synsets[:, None]})
    devkit = {
        "ILSVRC2012_devkit_t12/data/meta.mat": meta.getvalue(),
        "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": b"1\n2\n3\n",
    }
    assert loadmat(io.BytesIO(meta.getvalue()), squeeze_me=True)["synsets"]["WNID"][0] == WNIDS[2]
    # As in the true archive, out of order.
    return dict(reversed(images.items())), devkit


def test_imagenet_labels_come_from_devkit_list_or_folders_alike(tmp_path):
    images, devkit = imagenet(tmp_path)
    flat = pack(tmp_path / "ILSVRC2012_img_val.tar", images)
    kit = pack(tmp_path / "ILSVRC2012_devkit_t12.tar.gz", devkit)
    data = archives.imagenet(flat, kit, size=16)
    assert data.classes == WNIDS
    assert data.test_labels.tolist() == [2, 0, 1]
    assert [round(image.mean() / 50) for image in data.test_images] == [0, 1, 2]
    assert data.train_images.shape == (0, 3, 16, 16)
    wnids = dict(zip(sorted(images), ["n02979186", "n01440764", "n02102040"], strict=True))
    listed = tmp_path / "val.txt"
    listed.write_text("".join(f"{name} {wnid}\n" for name, wnid in wnids.items()))
    by_folder = pack(
        tmp_path / "val.tar", {f"val/{wnids[name]}/{name}": image for name, image in images.items()}
    )
    for path, labels in ((flat, listed), (by_folder, None)):
        again = archives.imagenet(path, labels, size=16)
        assert again.test_labels.tolist() == [2, 0, 1]
        np.testing.assert_array_equal(again.test_images, data.test_images)
    listed.write_text("".join(f"{name} {i * 400}\n" for i, name in enumerate(sorted(images))))
    numbered = archives.imagenet(flat, listed, size=16)
    assert numbered.test_labels.tolist() == [0, 400, 800]
    assert len(numbered.classes) == 1000


def test_broken_imagenet(tmp_path):
    images, devkit = imagenet(tmp_path)
    flat = pack(tmp_path / "val.tar", images)
    refused("outside of folders named by WordNet id", archives.imagenet, flat)
    half = {name: content for name, content in devkit.items() if "truth" in name}
    refused("has no data/meta.mat", archives.imagenet, flat, pack(tmp_path / "1.tar.gz", half))
    few = devkit | {next(n for n in devkit if "truth" in n): b"1\n2\n"}
    refused(
        r"no label for ILSVRC2012_val_00000003.JPEG .*\(1 of 3",
        archives.imagenet, flat, pack(tmp_path / "2.tar.gz", few),
    )  # fmt: skip
    bad = devkit | {next(n for n in devkit if "meta" in n): b"x"}
    refused("damaged", archives.imagenet, flat, pack(tmp_path / "3.tar.gz", bad))
    listed = tmp_path / "val.txt"
    for text, message in [
        ("a\n", "line 1 is not"),
        ("", "line 1 is not"),
        ("".join(f"{name} 1000\n" for name in images), "has label 1000, but"),
    ]:
        listed.write_text(text)
        refused(message, archives.imagenet, flat, listed)
    flat.write_bytes(flat.read_bytes()[:2000])
    refused("val.tar.* is truncated", archives.imagenet, flat, listed)
