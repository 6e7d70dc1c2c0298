"""Images in folders by class, in an archive or on disk: the user's own, Imagenette, ImageNet."""

import io
import re
from collections import Counter

import numpy as np
from scipy.io import loadmat

from idbias.datasets.class_folders import find_splits, pictures_among, shuffled, split
from idbias.datasets.class_numbers import numbered
from idbias.datasets.dataset import Dataset, check_labels
from idbias.datasets.members import contents, explained, listing, names
from idbias.datasets.pictures import DEPTHS, SCALES, decode
from idbias.errors import InputError
from idbias.progress import progress
from idbias.streams import generator

IMAGENETTE = {
    "n01440764": "tench", "n02102040": "English springer", "n02979186": "cassette player",
    "n03000684": "chain saw", "n03028079": "church", "n03394916": "French horn",
    "n03417042": "garbage truck", "n03425413": "gas pump", "n03445777": "golf ball",
    "n03888257": "parachute",
}  # fmt: skip


def image_folder(
    path, size=None, fit="crop", channels=3, test_fraction=0.2, seed=0, index=None, *, upright=True,
    allocate=np.empty,
):  # fmt: skip
    """Read images sorted into folders by class, from a folder, zip or tar.

    path: holds train/<class>/<image> and test (or val, valid, validation)/<class>/<image>, or only
        one of them, or <class>/<image>; any folders around that and files that are no pictures are
        passed over, and counted. Links to folders are followed.
        Without a split, `test_fraction` of each class become the test set, drawn by `seed`.
    size, fit, upright: scale images to `size` by `size` pixels, and turn them, see `pictures.decode`;
        None: all have one size.
    channels: 3 (RGB) or 1 (grey).
    index: names of a network's classes in the order of its outputs; None: the folders', sorted.
    seed: also shuffles each set, so that its first images are a sample of all classes.
    allocate: called as allocate(shape, dtype), once for the training and once for the test images;
        give a function that makes an HDF5 dataset to keep large sets out of memory.
    Returns a Dataset; its notes say what was passed over or done to images. Raises InputError if
    there are no images in class folders, a class folder has none, classes of train and test differ, or
    an image cannot be read as it is or is of another size or depth.
    """
    listed, notes = listing(path), Counter()
    files = pictures_among(path, listed[0], notes)
    if not files:
        beside = f" ({', '.join(f'{n} {name}' for name, n in notes.items())})" if notes else ""
        raise InputError(
            f"{path}: there are no images{beside}; images belong into train/<class>/ and test/<class>/, "
            "or into <class>/."
        )
    train, test = find_splits(path, files, listed[1], notes)
    if test is None:
        train, test = split(path, train, test_fraction, seed)
    classes, place = numbered(path, {*train.values(), *test.values()}, index)
    if train and test and set(train.values()) != set(test.values()):
        odd = sorted(set(train.values()) ^ set(test.values()))
        raise InputError(
            f"{path}: the class {odd[0]!r} is in only one of train and test ({len(odd)} such "
            "classes); put images of every class into both."
        )
    random = generator("order of a dataset", seed)
    train, test = (shuffled(part, random) for part in (train, test))
    sets = [list(train), list(test)]
    arrays, scale = decode_all(path, sets, size, fit, channels, upright, allocate, notes)
    labels = [np.array([place[c] for c in part.values()], np.int64) for part in (train, test)]
    return Dataset(arrays[0], labels[0], arrays[1], labels[1], classes, scale, notes)


def imagenette(path, size=224, fit="stretch", seed=0, *, allocate=np.empty):
    """Read Imagenette (Howard; train and val folders by WordNet id), from its tgz or a folder.

    Paper 1 (section 4.7) resizes to 224 by 224; the authors' code stretches, see `decode`.
    Otherwise as `image_folder`.
    """
    data = image_folder(path, size, fit, seed=seed, upright=False, allocate=allocate)
    data.classes = [IMAGENETTE.get(name, name) for name in data.classes]
    return data


def imagenet(path, labels=None, size=224, fit="crop", index=None, *, allocate=np.empty):
    """Read ImageNet's validation images (Russakovsky et al. 2015), which the user supplies.

    path: ILSVRC2012_img_val.tar or its folder; without `labels`, sorted into folders by WordNet id.
    labels: ILSVRC2012_devkit_t12.tar.gz, or a text file of lines "image label" with a label the
        WordNet id, or its place (from 0) among the 1,000 sorted ids.
    index: names of a network's classes in the order of its outputs, needed for a part of the 1,000.
    Returns a Dataset with no training images; classes are the sorted WordNet ids (or the places),
    the order of public checkpoints' outputs; images in the order of their names, which is random.
    """
    notes = Counter()
    files = pictures_among(path, names(path), notes)
    files.sort(key=lambda name: name.split("/")[-1])
    if labels is None:
        truth = {name: ("/" + name).split("/")[-2] for name in files}
        if not files or not all(re.fullmatch(r"n\d{8}", wnid) for wnid in truth.values()):
            raise InputError(
                f"{path} has images outside of folders named by WordNet id (such as n01440764); "
                "sort them into such folders or give `labels`."
            )
        classes, place = wordnet_classes(path, truth, index)
        numbers = [place[truth[name]] for name in files]
    else:
        truth, classes = read_labels(labels, index)
        unknown = [name for name in files if name.split("/")[-1] not in truth]
        if unknown or not files:
            raise InputError(
                f"{labels} has no label for {unknown[0] if unknown else 'any image'} of {path} "
                f"({len(unknown)} of {len(files)} images without one); give the labels of that set."
            )
        numbers = check_labels([truth[n.split("/")[-1]] for n in files], len(classes), labels)
    arrays, scale = decode_all(path, [[], files], size, fit, 3, False, allocate, notes)
    numbers = np.asarray(numbers, np.int64)
    return Dataset(arrays[0], np.empty(0, np.int64), arrays[1], numbers, classes, scale, notes)


def wordnet_classes(path, truth, index):
    """Return (names of all classes, WordNet id -> number) for `truth`, image -> WordNet id.

    Raises InputError for a part of the 1,000 without `index`: which outputs they are is not known.
    """
    wnids = set(truth.values())
    if index is None and len(wnids) != 1000:
        raise InputError(
            f"{path} has {len(wnids)} of ImageNet's 1,000 classes; give class_index, a file of all classes in "
            "the order of a network's outputs, such as imagenet_class_index.json."
        )
    return numbered(path, wnids, index)


def read_labels(path, index=None):
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
    classes, place = wordnet_classes(path, dict(rows), index)
    return {name: place[label] for name, label in rows}, classes


def read_devkit(path):
    """Return (name -> class index, sorted WordNet ids) of the devkit of ILSVRC 2012."""
    wanted = ("meta.mat", "ILSVRC2012_validation_ground_truth.txt")
    members = contents(path, lambda name: name.endswith(wanted))
    contents_of = {name.split("/")[-1]: content for name, content in members}
    missing = [name for name in wanted if name not in contents_of]
    if missing:
        raise InputError(f"{path} has no data/{missing[0]}; it is not ILSVRC 2012's devkit.")
    with explained(path):
        synsets = loadmat(io.BytesIO(contents_of["meta.mat"]), squeeze_me=True)["synsets"]
        # Fields: number, WordNet id, words, gloss, number of children; classes have no children.
        wnids = {int(row[0]): str(row[1]) for row in synsets if int(row[4]) == 0}
        numbers = [int(line) for line in contents_of[wanted[1]].split()]
        classes = sorted(wnids.values())
        # The devkit counts classes in its own order, not in that of the WordNet ids.
        place = {number: classes.index(wnid) for number, wnid in wnids.items()}
        truth = {
            f"ILSVRC2012_val_{image:08d}.JPEG": place[number]
            for image, number in enumerate(numbers, 1)
        }
    return truth, classes


def decode_all(path, sets, size, fit, channels, upright, allocate, notes):
    """Return (an array (N, channels, H, W) for each list of names in `sets`, their scale to [0, 1])."""
    if fit not in ("crop", "stretch") or channels not in (1, 3):
        raise InputError(
            f"Images are fit by crop or stretch, to 1 or 3 channels; not by {fit!r} to {channels}."
        )
    place = {name: (i, j) for i, files in enumerate(sets) for j, name in enumerate(files)}
    arrays, first, brightest = None, None, 0
    shown = {"total": len(place), "unit": "image", "label": "reading"}
    for name, content in progress(contents(path, place.__contains__), **shown):
        image = decode(f"{path}: {name}", content, size, fit, channels, upright, notes)
        if arrays is None:
            shape, dtype, first = image.shape, image.dtype, name
            arrays = [allocate((len(files), *shape), dtype) for files in sets]
        if image.shape != shape:
            raise InputError(
                f"{path}: {name} is {image.shape[2]} by {image.shape[1]} pixels, but {first} is "
                f"{shape[2]} by {shape[1]}; give a `size` that all are scaled to."
            )
        if image.dtype != dtype:
            raise InputError(
                f"{path}: {name} is {DEPTHS[image.dtype.name]}, but {first} is {DEPTHS[dtype.name]}; save all "
                "at one depth."
            )
        if image.min() == image.max():
            notes["are of one colour throughout"] += 1
        brightest = max(brightest, image.max())
        which, row = place[name]
        arrays[which][row] = image
    if dtype == np.uint16 and brightest < 2**15:
        notes[f"are grey of 16 bits, and none is brighter than {brightest} of 65,535"] = len(place)
    return arrays, SCALES[dtype.name]
