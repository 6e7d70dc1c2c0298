"""Folders of images, Imagenette and ImageNet, on tiny archives: whole, and broken in many ways."""

import io
import os
import shutil

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from archive_files import DATA, encoded, pack, pixels, refused
from scipy.io import loadmat, savemat

from idbias.datasets import image_archives

WNIDS = ["n01440764", "n02102040", "n02979186"]


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
        shutil.unpack_archive(path, tmp_path / "unpacked")
        path = tmp_path / "unpacked"
    data = image_archives.image_folder(path)
    assert data.classes == ["cat", "dog"]
    for split in ("train", "test"):
        found, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        assert found.shape == (8, 3, 8, 6)
        assert sorted(labels.tolist()) == [0] * 4 + [1] * 4
        for image, label in zip(found, labels, strict=True):
            names = [n for n, i in images.items() if (i.transpose(2, 0, 1) == image).all()]
            assert names[0].startswith(f"pets/{split}/{data.classes[label]}/")
    again = image_archives.image_folder(path)
    np.testing.assert_array_equal(again.test_images, data.test_images)
    other = image_archives.image_folder(path, seed=1)
    assert not np.array_equal(other.test_images, data.test_images)


def test_a_folder_without_split_is_split_by_class_and_seed(tmp_path):
    images = folder_files(number=10, classes=("a", "b", "c"), splits=("",))
    path = packed(tmp_path / "x.zip", images)
    data = image_archives.image_folder(path, test_fraction=0.3)
    assert np.bincount(data.train_labels).tolist() == [7, 7, 7]
    assert np.bincount(data.test_labels).tolist() == [3, 3, 3]
    together = np.concatenate([data.train_images, data.test_images])
    assert len(np.unique(together.reshape(30, -1), axis=0)) == 30
    again = image_archives.image_folder(path, test_fraction=0.3)
    np.testing.assert_array_equal(again.test_images, data.test_images)
    refused(
        "class 'a' has 10 images, of which a test_fraction of 0.01",
        image_archives.image_folder,
        path,
        test_fraction=0.01,
    )


def test_images_are_scaled_cropped_and_made_grey(tmp_path):
    image = pixels(8, 16, 3).repeat(4, 0).repeat(4, 1)
    path = packed(tmp_path / "x.zip", {f"test/{label}/0.png": image for label in "ab"})

    def scaled(*size):
        # torch's own antialiased interpolation; it rounds differently.
        whole = torch.tensor(image.transpose(2, 0, 1)[None], dtype=torch.float32)
        return F.interpolate(whole, size, mode="bilinear", antialias=True)[0].numpy()

    stretched = image_archives.image_folder(path, size=16, fit="stretch").test_images[0]
    np.testing.assert_allclose(stretched, scaled(16, 16), atol=1.01)
    # The shorter side becomes 16 * 256 / 224 = 18.3, rounded.
    cropped = image_archives.image_folder(path, size=16, fit="crop").test_images[0]
    np.testing.assert_allclose(cropped, scaled(18, 36)[:, 1:17, 10:26], atol=1.01)
    grey = image_archives.image_folder(path, channels=1).test_images
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey[0, 0], image @ weights, atol=1.01)


def test_large_sets_may_go_straight_to_hdf5(tmp_path):
    images = folder_files()
    path = packed(tmp_path / "x.tgz", images)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        names = iter(["train", "test"])
        data = image_archives.image_folder(
            path, allocate=lambda shape, dtype: file.create_dataset(next(names), shape, dtype)
        )
        assert isinstance(data.train_images, h5py.Dataset)
        expected = image_archives.image_folder(path)
        np.testing.assert_array_equal(data.train_images[()], expected.train_images)
        np.testing.assert_array_equal(file["test"][()], expected.test_images)


@pytest.mark.skipif(not (DATA / "cifar10-jpeg-imagefolder.zip").exists(), reason=f"no {DATA}")
def test_twenty_thousand_jpegs_by_class(capsys):
    data = image_archives.image_folder(DATA / "cifar10-jpeg-imagefolder.zip")
    assert "20000/20000" in capsys.readouterr().err
    assert data.train_images.shape == data.test_images.shape == (10_000, 3, 32, 32)
    assert np.bincount(data.train_labels).tolist() == [1000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert len(set(data.test_labels[:100].tolist())) == 10
    assert data.classes[:3] == ["airplane", "automobile", "bird"]


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
    refused(message, image_archives.image_folder, path)
    path.unlink()
    assert sorted(os.listdir(tmp_path)) == before, "something half-made is left"


def test_a_folder_without_images_is_refused(tmp_path):
    refused("there are no images", image_archives.image_folder, tmp_path)
    refused("does not exist", image_archives.image_folder, tmp_path / "none")
    path = packed(tmp_path / "x.zip", folder_files())
    refused("by 'squash' to 3", image_archives.image_folder, path, size=8, fit="squash")


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
    data = image_archives.imagenette(path, size=16)
    assert data.train_images.shape == data.test_images.shape == (6, 3, 16, 16)
    assert data.classes == ["tench", "English springer", "cassette player"]
    assert image_archives.imagenette(path).test_images.shape[2:] == (224, 224)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("imagenette2-320.tgz is truncated", image_archives.imagenette, path)
    name = "imagenette2-320/val/n01440764/n01440764_0.JPEG"
    path = pack(tmp_path / "x.tgz", files | {name: files[name][:-400]})
    refused(f"{name} is no readable image", image_archives.imagenette, path)


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
    data = image_archives.imagenet(flat, kit, size=16)
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
        refused("3 of ImageNet.s 1,000 classes", image_archives.imagenet, path, labels)
        again = image_archives.imagenet(path, labels, size=16, index=WNIDS)
        assert again.test_labels.tolist() == [2, 0, 1]
        np.testing.assert_array_equal(again.test_images, data.test_images)
    listed.write_text("".join(f"{name} {i * 400}\n" for i, name in enumerate(sorted(images))))
    numbered = image_archives.imagenet(flat, listed, size=16)
    assert numbered.test_labels.tolist() == [0, 400, 800]
    assert len(numbered.classes) == 1000


def test_broken_imagenet(tmp_path):
    images, devkit = imagenet(tmp_path)
    flat = pack(tmp_path / "val.tar", images)
    refused("outside of folders named by WordNet id", image_archives.imagenet, flat)
    half = {name: content for name, content in devkit.items() if "truth" in name}
    refused(
        "has no data/meta.mat", image_archives.imagenet, flat, pack(tmp_path / "1.tar.gz", half)
    )
    few = devkit | {next(n for n in devkit if "truth" in n): b"1\n2\n"}
    refused(
        r"no label for ILSVRC2012_val_00000003.JPEG .*\(1 of 3",
        image_archives.imagenet, flat, pack(tmp_path / "2.tar.gz", few),
    )  # fmt: skip
    bad = devkit | {next(n for n in devkit if "meta" in n): b"x"}
    refused("damaged", image_archives.imagenet, flat, pack(tmp_path / "3.tar.gz", bad))
    listed = tmp_path / "val.txt"
    for text, message in [
        ("a\n", "line 1 is not"),
        ("", "line 1 is not"),
        ("".join(f"{name} 1000\n" for name in images), "has label 1000, but"),
    ]:
        listed.write_text(text)
        refused(message, image_archives.imagenet, flat, listed)
    flat.write_bytes(flat.read_bytes()[:2000])
    refused("val.tar.* is truncated", image_archives.imagenet, flat, listed)
