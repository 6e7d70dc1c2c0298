"""Adversarial images made elsewhere: what fits is used image by image, what does not is named."""

import h5py
import numpy as np
import pytest
from own_attacks import Classifier

from idbias import files
from idbias.attacks import adversarial_images, attack_files
from idbias.errors import InputError

COUNT, SHAPE = 40, (3, 4, 4)


@pytest.fixture
def clean():
    return np.random.default_rng(1).integers(0, 256, (COUNT, *SHAPE)).astype(np.uint8)


@pytest.fixture
def dataset(tmp_path, clean):
    path = tmp_path / "dataset.h5"
    labels = (clean.mean((1, 2, 3)) > 127.5).astype(np.int64)
    empty = {"train/images": clean[:0], "train/labels": labels[:0]}
    arrays = {"test/images": clean, "test/labels": labels, **empty}
    files.write(path, arrays, {"classes": ["0", "1"], "scale": 1 / 255, "masked": "test"})
    return path


@pytest.fixture
def attacked(clean):
    """Every image, brighter or darker by 0.1: some cross the boundary of Classifier."""
    images = clean.astype(np.float32) / 255
    brighter = (images.mean((1, 2, 3)) < 0.5)[:, None, None, None]
    return np.clip(np.where(brighter, images + 0.1, images - 0.1), 0, 1).astype(np.float32)


def looked_at(written, clean, rows):
    images = clean[rows].astype(np.float32) / 255
    labels = (images.mean((1, 2, 3)) > 0.5).astype(np.int64)
    found = adversarial_images.run(Classifier().eval(), images, labels, rows, written, batch_size=8)
    return found, images, labels


@pytest.mark.parametrize("kind", [".npy", ".npz", ".h5"])
def test_every_image_gets_its_own_whatever_the_file(tmp_path, dataset, clean, attacked, kind):
    path = tmp_path / f"attacked{kind}"
    name = str(path)
    if kind == ".npy":
        np.save(path, attacked.astype(np.float64))
    elif kind == ".npz":
        np.savez(path, x=attacked, y=np.arange(3))
        name += ":x"
    else:
        with h5py.File(path, "w") as file:
            file["made/x"] = attacked
        name += ":/made/x"
    written = tmp_path / "images.h5"
    attack_files.write(written, dataset, COUNT, name)
    rows = np.array([3, 4, 17, 39])
    found, images, labels = looked_at(written, clean, rows)
    np.testing.assert_array_equal(found["adversarial"], attacked[rows])
    crossed = (attacked[rows].mean((1, 2, 3)) > 0.5) != labels
    np.testing.assert_array_equal(found["success"], crossed)
    np.testing.assert_array_equal(found["adversarial_class"], np.where(crossed, 1 - labels, labels))
    np.testing.assert_allclose(found["linf"], np.abs(attacked[rows] - images).max((1, 2, 3)))
    assert found["given"].all()


def test_an_index_in_any_order_says_which_images_there_are(
    tmp_path, dataset, clean, attacked, capsys
):
    order = np.random.default_rng(2).permutation(COUNT)[:25]
    names = {key: str(tmp_path / f"{key}.npy") for key in ("path", "index", "labels")}
    np.save(names["path"], attacked[order])
    np.save(names["index"], order)
    np.save(names["labels"], (clean[order].mean((1, 2, 3)) > 127.5).astype(int))
    written = tmp_path / "images.h5"
    attack_files.write(written, dataset, COUNT, **names)
    rows = np.arange(COUNT)
    found, images, _ = looked_at(written, clean, rows)
    np.testing.assert_array_equal(found["given"], np.isin(rows, order))
    np.testing.assert_array_equal(found["adversarial"][order], attacked[order])
    absent = ~found["given"]
    np.testing.assert_array_equal(found["adversarial"][absent], images[absent])
    assert not found["success"][absent].any()
    assert (
        "15 of 40 correctly classified images have no adversarial image" in capsys.readouterr().err
    )


def with_bad(attacked, value):
    attacked = attacked.copy()
    attacked[5, 1, 2, 3] = value
    return attacked


BAD = {
    "of 8 bits": (lambda x: {"path": (x * 255).astype(np.uint8)}, r"holds uint8; give floating-point"),
    "range": (lambda x: {"path": x * 255}, r"holds pixels from 0 to 255; give images in \[0, 1\]"),
    "normalised": (lambda x: {"path": (x - 0.5) / 0.5}, r"holds pixels from -1 to 1; .* normalisation"),
    "nan": (lambda x: {"path": with_bad(x, np.nan)}, "holds pixels that are not finite"),
    "channels last": (
        lambda x: {"path": x.transpose(0, 2, 3, 1)},
        r"has shape \(40, 4, 4, 3\), .* \(channels come second: transpose\(0, 3, 1, 2\)\)",
    ),
    "size": (lambda x: {"path": x[..., :2]}, r"images are \(3, 4, 4\): give an array \(N, 3, 4, 4\)"),
    "flat": (lambda x: {"path": x.reshape(COUNT, -1)}, r"has shape \(40, 48\)"),
    "too few": (lambda x: {"path": x[:30]}, "has 30 images, but 20 or 40 are expected"),
    "order": (lambda x: {"path": x[::-1]}, r"only 0% of 40 adversarial images looked at are nearest"),
    "index too short": (
        lambda x: {"path": x, "index": np.arange(7)}, "has 7 positions, but .* has 40 images"
    ),
    "index beyond": (
        lambda x: {"path": x, "index": np.arange(40) + 1}, "from 1 to 40, but .* are 0 to 39"
    ),
    "index twice": (
        lambda x: {"path": x, "index": np.r_[0, np.arange(39)]}, "position 0 more than once"
    ),
    "index of halves": (
        lambda x: {"path": x, "index": np.arange(40) / 2}, "give whole numbers, positions"
    ),
    "labels": (
        lambda x: {"path": x, "labels": np.full(40, 7)},
        r"says class 7 in row 0, but image 0 of the dataset is of class . \(40 of 40 differ\)",
    ),
    "labels too short": (lambda x: {"path": x, "labels": np.zeros(3)}, "has 3 classes for 40"),
}  # fmt: skip


@pytest.mark.parametrize(("made", "said"), BAD.values(), ids=BAD)
def test_what_does_not_fit_gets_one_sentence(tmp_path, dataset, attacked, made, said):
    names = {}
    for key, array in made(attacked).items():
        names[key] = str(tmp_path / f"{key}.npy")
        np.save(names[key], array)
    with pytest.raises(InputError, match=said) as caught:
        attack_files.write(tmp_path / "images.h5", dataset, 20, **names)
    assert "\n" not in str(caught.value)
    assert ".npy" in str(caught.value)
    assert not (tmp_path / "images.h5").exists()
