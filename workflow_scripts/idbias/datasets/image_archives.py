"""Images in folders by class, in an archive or on disk: the user's own, Imagenette, ImageNet."""

import io
import re

import numpy as np
from PIL import Image
from scipy.io import loadmat

from idbias.datasets.dataset import Dataset, check_labels
from idbias.datasets.members import contents, explained, names
from idbias.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
TESTS = ("test", "val", "valid", "validation")  # the first of these that there is
IMAGENETTE = {
    "n01440764": "tench", "n02102040": "English springer", "n02979186": "cassette player",
    "n03000684": "chain saw", "n03028079": "church", "n03394916": "French horn",
    "n03417042": "garbage truck", "n03425413": "gas pump", "n03445777": "golf ball",
    "n03888257": "parachute",
}  # fmt: skip


def image_folder(
    path, size=None, fit="crop", channels=3, test_fraction=0.2, seed=0, *,
    allocate=np.empty, progress=None,
):  # fmt: skip
    """Read images sorted into folders by class, from a folder, zip or tar.

    path: holds train/<class>/<image> and test (or val, valid, validation)/<class>/<image>, or only
        one of them, or <class>/<image>; any folders around that and other files are passed over.
        Without a split, `test_fraction` of each class become the test set, drawn by `seed`.
    size, fit: scale images to `size` by `size` pixels, see `decode`; None: all have one size.
    channels: 3 (RGB) or 1 (grey).
    seed: also shuffles each set, so that its first images are a sample of all classes.
    allocate: called as allocate(shape, dtype), once for the training and once for the test images;
        give a function that makes an HDF5 dataset to keep large sets out of memory.
    progress: called like idbias.progress.progress, counts images; None is silent.
    Returns a Dataset with sorted class names. Raises InputError if there are no images in class
    folders, classes of train and test differ, or an image is unreadable or of another size.
    """
    files = [name for name in names(path) if is_image(name)]
    train, test = find_splits(path, files)
    if test is None:
        train, test = split(path, train, test_fraction, seed)
    classes = sorted({*train.values(), *test.values()})
    if train and test and set(train.values()) != set(test.values()):
        odd = sorted(set(train.values()) ^ set(test.values()))
        raise InputError(
            f"{path}: the class {odd[0]!r} is in only one of train and test ({len(odd)} such "
            "classes); put images of every class into both."
        )
    generator = np.random.default_rng(seed)
    train, test = (shuffled(part, generator) for part in (train, test))
    arrays = decode_all(path, [list(train), list(test)], size, fit, channels, allocate, progress)
    place = {name: i for i, name in enumerate(classes)}
    labels = [np.array([place[c] for c in part.values()], np.int64) for part in (train, test)]
    return Dataset(arrays[0], labels[0], arrays[1], labels[1], classes)


def imagenette(path, size=224, fit="stretch", seed=0, *, allocate=np.empty, progress=None):
    """Read Imagenette (Howard; train and val folders by WordNet id), from its tgz or a folder.

    Paper 1 (section 4.7) resizes to 224 by 224; the authors' code stretches, see `decode`.
    Otherwise as `image_folder`.
    """
    data = image_folder(path, size, fit, seed=seed, allocate=allocate, progress=progress)
    data.classes = [IMAGENETTE.get(name, name) for name in data.classes]
    return data


def imagenet(path, labels=None, size=224, fit="crop", *, allocate=np.empty, progress=None):
    """Read ImageNet's validation images (Russakovsky et al. 2015), which the user supplies.

    path: ILSVRC2012_img_val.tar or its folder; without `labels`, sorted into folders by WordNet id.
    labels: ILSVRC2012_devkit_t12.tar.gz, or a text file of lines "image label" with a label the
        WordNet id, or its place (from 0) among the 1,000 sorted ids.
    Returns a Dataset with no training images; classes are the sorted WordNet ids (or the places),
    the order of public checkpoints' outputs; images in the order of their names, which is random.
    """
    files = sorted((n for n in names(path) if is_image(n)), key=lambda name: name.split("/")[-1])
    if labels is None:
        truth = {name: ("/" + name).split("/")[-2] for name in files}
        if not files or not all(re.fullmatch(r"n\d{8}", wnid) for wnid in truth.values()):
            raise InputError(
                f"{path} has images outside of folders named by WordNet id (such as n01440764); "
                "sort them into such folders or give `labels`."
            )
        classes = sorted(set(truth.values()))
        place = {wnid: i for i, wnid in enumerate(classes)}
        index = [place[truth[name]] for name in files]
    else:
        truth, classes = read_labels(labels)
        unknown = [name for name in files if name.split("/")[-1] not in truth]
        if unknown or not files:
            raise InputError(
                f"{labels} has no label for {unknown[0] if unknown else 'any image'} of {path} "
                f"({len(unknown)} of {len(files)} images without one); give the labels of that set."
            )
        index = check_labels([truth[n.split("/")[-1]] for n in files], len(classes), labels)
    train, test = decode_all(path, [[], files], size, fit, 3, allocate, progress)
    return Dataset(train, np.empty(0, np.int64), test, np.asarray(index, np.int64), classes)


def read_labels(path):
    """Return (name of an image -> class index, class names) of a devkit or a text file."""
    if str(path).endswith((".tar.gz", ".tgz", ".tar")):
        return read_devkit(path)
    with explained(path), open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file if line.strip()]
    wrong = [number for number, row in enumerate(rows, 1) if len(row) != 2]
    if wrong or not rows:
        raise InputError(
            f"{path}: line {wrong[0] if wrong else 1} is not an image's name and its label."
        )
    if all(row[1].isdigit() for row in rows):
        return {name: int(label) for name, label in rows}, [str(number) for number in range(1000)]
    classes = sorted({label for _, label in rows})
    place = {wnid: i for i, wnid in enumerate(classes)}
    return {name: place[label] for name, label in rows}, classes


def read_devkit(path):
    """Return (name -> class index, sorted WordNet ids) of the devkit of ILSVRC 2012."""
    wanted = ("meta.mat", "ILSVRC2012_validation_ground_truth.txt")
    found = {
        name.split("/")[-1]: content
        for name, content in contents(path, [n for n in names(path) if n.endswith(wanted)])
    }
    missing = [name for name in wanted if name not in found]
    if missing:
        raise InputError(f"{path} has no data/{missing[0]}; it is not ILSVRC 2012's devkit.")
    with explained(path):
        synsets = loadmat(io.BytesIO(found["meta.mat"]), squeeze_me=True)["synsets"]
        # Fields: number, WordNet id, words, gloss, number of children; classes have no children.
        wnids = {int(row[0]): str(row[1]) for row in synsets if int(row[4]) == 0}
        numbers = [int(line) for line in found[wanted[1]].split()]
        classes = sorted(wnids.values())
        # The devkit counts classes in its own order, not in that of the WordNet ids.
        place = {number: classes.index(wnid) for number, wnid in wnids.items()}
        truth = {
            f"ILSVRC2012_val_{image:08d}.JPEG": place[number]
            for image, number in enumerate(numbers, 1)
        }
    return truth, classes


def is_image(name):
    """Tell whether a member is an image, and not what a file manager hides beside one."""
    parts = name.split("/")
    return name.lower().endswith(SUFFIXES) and not any(
        part.startswith(".") or part == "__MACOSX" for part in parts
    )


def find_splits(path, files):
    """Return (train, test), dicts from name to class; test is None if there is no split."""
    parts = {name: name.split("/") for name in files}
    splits = ("train", *TESTS)
    # Take off the folders around it all.
    while parts and len({p[0] for p in parts.values()}) == 1 and min(map(len, parts.values())) > 2:
        if next(iter(parts.values()))[0] in splits:
            break
        parts = {name: p[1:] for name, p in parts.items()}
    tops = {p[0] for p in parts.values()}
    if tops & set(splits):
        test = next((name for name in TESTS if name in tops), None)
        outside = sorted(tops - set(splits))
        if outside:
            raise InputError(
                f"{path} has {outside[0]!r} beside {', '.join(sorted(tops & set(splits)))}; put all "
                "images into train and test, or have class folders only."
            )
        inner = {name: p[1:] for name, p in parts.items()}
        chosen = [
            {name: inner[name][0] for name in files if parts[name][0] == top}
            for top in ("train", test)
        ]
        if test is None:
            chosen[1] = None
    else:
        inner, chosen = parts, [{name: p[0] for name, p in parts.items()}, None]
    loose = [name for name in files if len(inner[name]) < 2]
    if loose or not files:
        what = f"{loose[0]} lies in no class folder" if loose else "there are no images"
        raise InputError(
            f"{path}: {what}; images belong into train/<class>/ and test/<class>/, or into <class>/."
        )
    return chosen


def split(path, files, test_fraction, seed):
    """Return (train, test) with `test_fraction` of each class in test, drawn by `seed`."""
    generator = np.random.default_rng(seed)
    train, test = {}, {}
    for label in sorted(set(files.values())):
        members = sorted(name for name in files if files[name] == label)
        number = round(test_fraction * len(members))
        if not 0 < number < len(members):
            raise InputError(
                f"{path}: class {label!r} has {len(members)} images, of which {test_fraction} as a "
                "test set leaves one of the sets empty; change test_fraction or add images."
            )
        chosen = generator.permutation(len(members))
        test |= {members[i]: label for i in chosen[:number]}
        train |= {members[i]: label for i in chosen[number:]}
    return train, test


def shuffled(files, generator):
    """Return the dict `files` in an order drawn from `generator`, whatever its order was."""
    files = sorted(files.items())
    return dict(files[i] for i in generator.permutation(len(files)))


def decode_all(path, sets, size, fit, channels, allocate, progress):
    """Return one uint8 array (N, channels, H, W) for each list of names in `sets`."""
    if fit not in ("crop", "stretch") or channels not in (1, 3):
        raise InputError(
            f"Images are fit by crop or stretch, to 1 or 3 channels; not by {fit!r} to {channels}."
        )
    place = {name: (i, j) for i, files in enumerate(sets) for j, name in enumerate(files)}
    bar = progress(total=len(place), unit="image", label="reading") if progress else None
    arrays, shape, first = None, None, None
    for name, content in contents(path, place):
        image = decode(path, name, content, size, fit, channels)
        if arrays is None:
            shape, first = image.shape, name
            arrays = [allocate((len(files), *shape), np.uint8) for files in sets]
        if image.shape != shape:
            raise InputError(
                f"{path}: {name} is {image.shape[2]} by {image.shape[1]} pixels, but {first} is "
                f"{shape[2]} by {shape[1]}; give a `size` that all are scaled to."
            )
        which, row = place[name]
        arrays[which][row] = image
        if bar is not None:
            bar.update(1)
    if bar is not None:
        bar.close()
    return arrays


def decode(path, name, content, size=None, fit="crop", channels=3):
    """Return one image as uint8 (channels, H, W).

    fit: "stretch" to size by size, whatever the proportions; or "crop": the shorter side to
    size * 256 / 224, then the central size by size, as ImageNet classifiers are tested. Both by
    bilinear interpolation over all the pixels that fall into one, as torchvision does.
    """
    try:
        with Image.open(io.BytesIO(content)) as opened:
            image = opened.convert("RGB" if channels == 3 else "L")
    except Exception as error:  # each format's reader raises its own
        raise InputError(
            f"{path}: {name} is no readable image ({str(error).splitlines()[0]}); replace or "
            "remove it."
        ) from None
    if size is not None and fit == "stretch":
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    elif size is not None:
        shorter = round(size * 256 / 224)
        width, height = (int(shorter * side / min(image.size)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        left, top = round((width - size) / 2), round((height - size) / 2)
        image = image.crop((left, top, left + size, top + size))
    return np.asarray(image).reshape(*image.size[::-1], channels).transpose(2, 0, 1)
