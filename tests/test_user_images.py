"""Pictures as users bring them: each gives the numbers of its plain twin, or one sentence."""

import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from idbias.datasets.class_numbers import numbered, read_class_index
from idbias.datasets.image_archives import image_folder, imagenet
from idbias.datasets.images import read_images
from idbias.datasets.writing import write
from idbias.errors import InputError

GENERATOR = np.random.default_rng(0)
COLOUR = GENERATOR.integers(0, 256, (8, 6, 3), dtype=np.uint8)
GREY = GENERATOR.integers(0, 256, (8, 6), dtype=np.uint8)
DEEP = GENERATOR.integers(0, 65536, (8, 6), dtype=np.uint16)
SMALL = GENERATOR.integers(0, 4096, (8, 6), dtype=np.uint16)
REAL = GENERATOR.random((8, 6)).astype(np.float32)
ALPHA = np.where(GREY > 127, 255, 0).astype(np.uint8)


def saved(picture, kind="PNG", **options):
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def oriented(number, **more):
    exif = Image.Exif()
    exif[0x0112] = number
    return saved(COLOUR, exif=exif, **more)


def frames(kind):
    pictures = [Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)]
    return saved(pictures[0], kind, save_all=True, append_images=pictures[1:])


def chunk(kind, data):
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def png16(colour):
    """A PNG of 16 bits per channel in colour, which Pillow does not write."""
    height, width, _ = colour.shape
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colour)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def over_white():
    alpha = ALPHA[..., None] / 255
    return (COLOUR * alpha + 255 * (1 - alpha)).round().astype(np.uint8)


RGBA = np.dstack([COLOUR, ALPHA])
PALETTE = Image.fromarray(COLOUR).quantize(16)
CMYK = Image.fromarray(COLOUR).convert("CMYK")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# What is right of a file: pixels in [0, 1], (H, W) or (H, W, 3); and the words that are printed, if any.
RIGHT = {
    "rgb.png": (saved(COLOUR), COLOUR / 255, None),
    "grey.png": (saved(GREY), GREY / 255, None),
    "bilevel.png": (saved(Image.fromarray(ALPHA).convert("1")), ALPHA / 255, None),
    "palette.png": (saved(PALETTE), np.asarray(PALETTE.convert("RGB")) / 255, None),
    "palette.gif": (saved(PALETTE, "GIF"), np.asarray(PALETTE.convert("RGB")) / 255, None),
    "grey16.png": (saved(DEEP), DEEP / 65535, None),
    "grey16.tif": (saved(DEEP, "TIFF"), DEEP / 65535, None),
    "grey16.pgm": (saved(DEEP, "PPM"), DEEP / 65535, None),
    "inverted16.tif": (saved(DEEP, "TIFF", tiffinfo={262: 0}), 1 - DEEP / 65535, None),
    "dark16.png": (saved(SMALL), SMALL / 65535, "none is brighter than"),
    "float.tif": (saved(REAL, "TIFF"), REAL, None),
    "rgb16.png": (png16(COLOUR.astype(int) * 257), COLOUR / 255, "more than 8 bits"),
    "opaque.png": (saved(np.dstack([COLOUR, np.full_like(ALPHA, 255)])), COLOUR / 255, None),
    "transparent.png": (saved(RGBA), over_white() / 255, "laid over white"),
    "transparent.webp": (saved(RGBA, "WEBP", lossless=True), over_white() / 255, "laid over white"),
    "key.png": (saved(GREY, transparency=int(GREY[0, 0])), None, "laid over white"),
    "upright.png": (oriented(1), COLOUR / 255, None),
    "upside down.png": (oriented(3), COLOUR[::-1, ::-1] / 255, "EXIF orientation"),
    "cmyk.tif": (saved(CMYK, "TIFF"), np.asarray(CMYK.convert("RGB")) / 255, "CMYK"),
    "profile.png": (saved(COLOUR, icc_profile=PROFILE), COLOUR / 255, "colour profile"),
    "png called.jpg": (saved(COLOUR), COLOUR / 255, "another format than their ending"),
    "LOUD.PNG": (saved(COLOUR), COLOUR / 255, None),
    "phone.jpg": (frames("MPO"), None, "further pictures"),
    "white.png": (saved(np.full_like(COLOUR, 255)), np.ones((8, 6, 3)), "of one colour"),
}  # fmt: skip

WHOLE = saved(GENERATOR.integers(0, 256, (64, 64, 3), dtype=np.uint8))
JPEG = saved(GENERATOR.integers(0, 256, (64, 64, 3), dtype=np.uint8), "JPEG")
REFUSED = {
    "animated.gif": (frames("GIF"), ["2 frames", "save the one"]),
    "animated.png": (frames("PNG"), ["2 frames", "save the one"]),
    "animated.webp": (frames("WEBP"), ["2 frames", "save the one"]),
    "pages.tif": (frames("TIFF"), ["2 frames or pages", "save the one"]),
    "integers.tif": (saved(DEEP.astype(np.int32), "TIFF"), ["integers of 32 bits", "save it as"]),
    "bright.tif": (saved(REAL * 300, "TIFF"), ["floating-point numbers from", "scale them"]),
    "nan.tif": (saved(np.where(REAL > 0.5, np.nan, REAL), "TIFF"), ["pixels that are NaN", "fix or remove it"]),
    "lab.tif": (saved(Image.new("LAB", (6, 8)), "TIFF"), ["holds LAB", "save it as RGB"]),
    "cut.png": (WHOLE[:-500], ["no readable image", "replace or remove it"]),
    "cut.jpg": (JPEG[:-500], ["no readable image", "truncated"]),
    "empty.png": (b"", ["no readable image (it is empty)"]),
    "text.jpg": (b"hello", ["its content is none of JPEG", "replace or remove it"]),
    "phone.heic": (WHOLE, ["of a kind that is not read", "save it as PNG"]),
    "scan.dcm": (b"DICM", ["of a kind that is not read", "save it as PNG"]),
    "deep beside.png": (saved(DEEP), ["grey of 16 bits", "of 8 bits", "save all at one depth"]),
    "larger.png": (saved(COLOUR[:, :4]), ["4 by 8 pixels", "give a `size`"]),
}  # fmt: skip


def folders(path, pictures, classes=("cat", "dog"), beside=None):
    """Class folders that hold `pictures`, name -> bytes, and in the second one `beside` too."""
    for label in classes:
        (path / label).mkdir(parents=True)
        for name, content in {
            **pictures,
            **((beside or {}) if label == classes[-1] else {}),
        }.items():
            (path / label / name).write_bytes(content)
    return path


def written(tmp_path, path, **settings):
    """The dataset file of a folder, as the workflow writes it: images in [0, 1], labels."""
    about = {"source": "folder", "masked": "all", "size": None, "fit": "crop", "channels": 3}
    write(tmp_path / "d.h5", {**about, "test_fraction": 0.5, **settings}, 0, [str(path)])
    return read_images(tmp_path / "d.h5", "masked")


@pytest.mark.parametrize("name", RIGHT)
def test_a_picture_keeps_its_content(tmp_path, capsys, name):
    content, expected, said = RIGHT[name]
    suffix = name.rsplit(".", 1)[-1]
    pictures = {f"0.{suffix}": content, f"1.{suffix}": content}
    images, _ = written(tmp_path, folders(tmp_path / "pictures", pictures))
    if expected is not None:
        channels = expected if expected.ndim == 3 else np.dstack([expected] * 3)
        for image in images:
            np.testing.assert_allclose(image, channels.transpose(2, 0, 1), atol=3e-6)
    printed = capsys.readouterr()
    assert (said in printed.out) if said else not printed.out
    assert printed.err.endswith(printed.out), "in the log and on the terminal"
    assert "4 of 4 images" in printed.out or not said


@pytest.mark.parametrize("name", REFUSED)
def test_a_picture_is_refused_in_one_sentence(tmp_path, name):
    content, said = REFUSED[name]
    path = folders(
        tmp_path / "p", {"0.png": saved(COLOUR), "1.png": saved(COLOUR)}, beside={name: content}
    )
    with pytest.raises(InputError) as raised:
        written(tmp_path, path)
    message = str(raised.value)
    for part in (*said, name):
        assert part in message, message
    assert "\n" not in message
    assert "BytesIO" not in message
    assert not (tmp_path / "d.h5").exists()


def test_scaled_pictures_of_16_bits_are_those_of_8_bits_but_finer(tmp_path):
    large = GENERATOR.integers(0, 256, (40, 30), dtype=np.uint8)
    coarse, _ = written(
        tmp_path, folders(tmp_path / "a", {f"{i}.png": saved(large) for i in "01"}), size=9
    )
    deep = saved(large.astype(np.uint16) * 257)
    fine, _ = written(tmp_path, folders(tmp_path / "b", {f"{i}.png": deep for i in "01"}), size=9)
    np.testing.assert_allclose(fine, coarse, atol=1.5 / 255)
    assert not np.array_equal(fine, coarse)


def test_other_files_are_passed_over_and_counted(tmp_path, capsys):
    pictures = {f"{i}.png": saved(COLOUR) for i in range(2)}
    junk = {
        "notes.txt": b"x",
        "table.csv": b"x",
        "more.txt": b"x",
        ".DS_Store": b"x",
        "plain": b"x",
    }
    images, _ = written(tmp_path, folders(tmp_path / "p", pictures | junk))
    assert len(images) == 4
    said = capsys.readouterr().out
    for number, kind in ((4, ".txt"), (2, ".csv"), (2, "hidden"), (2, "no ending")):
        assert f"{number} files passed over: {kind}." in said


def test_links_to_classes_and_to_a_test_folder_are_followed(tmp_path):
    pictures = {f"{i}.png": saved(COLOUR) for i in range(4)}
    folders(tmp_path / "elsewhere", pictures, ("cat", "dog"))
    folders(tmp_path / "p" / "train", pictures, ("cat",))
    (tmp_path / "p/train/dog").symlink_to(tmp_path / "elsewhere/dog")
    (tmp_path / "p/test").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "p/train/dog/around").symlink_to(tmp_path / "p")  # a link round in a circle
    data = image_folder(tmp_path / "p")
    assert (len(data.train_labels), len(data.test_labels), data.classes) == (8, 8, ["cat", "dog"])
    (tmp_path / "p/train/cat/5.png").symlink_to("nowhere.png")
    with pytest.raises(InputError, match=r"5\.png is a link to what does not exist"):
        image_folder(tmp_path / "p")


@pytest.mark.parametrize(
    ("empty", "said"),
    [
        ("boar", "'boar' has no images .* would shift the numbers"),
        ("test", "the folder 'test' has no images"),
        ("train/boar", "'boar' has no images"),
    ],
)
def test_a_class_without_pictures_is_refused(tmp_path, empty, said):
    inside = "train" if "/" in empty else ""
    path = folders(tmp_path / "p" / inside, {f"{i}.png": saved(COLOUR) for i in range(2)})
    (tmp_path / "p" / empty).mkdir()
    (tmp_path / "p" / ".git").mkdir()
    with pytest.raises(InputError, match=said):
        image_folder(path if not inside else tmp_path / "p")


def test_splits_are_known_in_any_letters(tmp_path):
    for part in ("Training", "TEST"):
        folders(tmp_path / "p" / part, {"0.png": saved(COLOUR)})
    data = image_folder(tmp_path / "p")
    assert (data.classes, len(data.train_labels), len(data.test_labels)) == (["cat", "dog"], 2, 2)


def test_one_class_is_no_problem_to_classify(tmp_path):
    folders(tmp_path / "p", {"0.png": saved(COLOUR), "1.png": saved(COLOUR)}, ("cat",))
    with pytest.raises(InputError, match="has one class, cat; a classifier needs at least two"):
        image_folder(tmp_path / "p", test_fraction=0.5)


def index_files(tmp_path):
    """The same index of classes in each form: dog is 3 and cat 1, of 5."""
    names = ["ant", "cat", "bee", "dog", "elk"]
    forms = {
        "keras.json": {str(i): [f"id{i}", name] for i, name in enumerate(names)},
        "names.json": names,
        "numbers.json": {name: i for i, name in enumerate(names)},
    }
    forms["keras.json"] = {str(i): [name, "words"] for i, name in enumerate(names)}
    for name, content in forms.items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "names.txt").write_text("\n".join(names), encoding="utf-8")
    return [str(tmp_path / name) for name in (*forms, "names.txt")]


def test_classes_of_a_network_that_knows_more_keep_its_numbers(tmp_path):
    path = folders(tmp_path / "p", {f"{i}.png": saved(COLOUR) for i in range(2)})
    about = {"source": "folder", "masked": "all", "size": None, "fit": "crop", "channels": 3}
    about |= {"test_fraction": 0.5}
    for given in (*index_files(tmp_path), {"cat": 1, "dog": 3}):
        settings = {**about, "class_index": given, "classes": 5}
        sources = [str(path), *([given] if isinstance(given, str) else [])]
        write(tmp_path / "d.h5", settings, 0, sources)
        assert sorted(read_images(tmp_path / "d.h5", "masked")[1].tolist()) == [1, 1, 3, 3]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cat": 1}, "class_index has no class 'dog'"),
        ({"cat": 1, "dog": 1}, "cat and dog both have the number 1"),
        ({"cat": 1, "dog": 5}, "class dog has the number 5, but 5 classes have 0 to 4"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(tmp_path, given, said):
    path = folders(tmp_path / "p", {f"{i}.png": saved(COLOUR) for i in range(2)})
    with pytest.raises(InputError, match=said):
        written(tmp_path, path, class_index=given, classes=5)


def test_numbers_without_a_name_are_no_folder_s(tmp_path):
    names = read_class_index({"1": 0, "3": 2}, 4)
    assert numbered(tmp_path, ["1", "3"], names)[1] == {"1": 0, "3": 2}
    (tmp_path / "names.txt").write_text("\ufeffcat\ndog\nhen\ndog\n", encoding="utf-8")
    names = read_class_index(str(tmp_path / "names.txt"))
    assert names == ["cat", "dog", "hen", "dog"]
    with pytest.raises(InputError, match=r"calls several classes 'dog' \(numbers 1, 3\)"):
        numbered(tmp_path, ["cat", "dog"], names)


def test_three_of_imagenet_s_classes_are_not_numbered_0_1_2(tmp_path):
    wnids = ("n01440764", "n02102040", "n02979186")
    path = folders(tmp_path / "p", {"0.png": saved(COLOUR)}, wnids)
    with pytest.raises(InputError, match=r"has 3 of ImageNet's 1,000 classes; give class_index"):
        imagenet(path, size=8)
    index = [str(number) for number in range(1000)]
    for number, name in zip((0, 217, 482), wnids, strict=True):
        index[number] = name
    data = imagenet(path, size=8, index=index)
    assert (sorted(data.test_labels.tolist()), len(data.classes)) == ([0, 217, 482], 1000)
