"""What can be seen of folders of pictures without reading one: their classes, and how many there are."""

import os
from pathlib import Path

from idbias.config.faults import Faults
from idbias.datasets.class_folders import KNOWN, TESTS, TRAIN, is_hidden, is_image
from idbias.datasets.class_numbers import numbered, read_class_index
from idbias.datasets.members import below
from idbias.errors import InputError

# Class folders beyond which pictures are not counted: that takes long on a cluster's file system.
COUNTED = 100


def check_folders(path, dataset, experiment, origins, key):
    """Raise InputError if class folders or pictures are not as many as the configuration says.

    path: a folder of class folders, with or without a split; experiment: whose images they are; key: that
    of the dataset.
    """
    faults = Faults()
    try:
        inside, test = _class_folders(path)
    except InputError as error:
        raise InputError(f"{origins.at(f'{key}.path')}: {error}") from None
    names = sorted({folder.name for folder in inside})
    if len(names) < (1 if dataset.class_index else 2):
        has = f"one class folder, {names[0]}" if names else "no class folders"
        raise InputError(
            f"{origins.at(f'{key}.path')} is {path}, which has {has}; put the images of each class into a folder "
            "of its own, of two classes or more."
        )
    if isinstance(dataset.class_index, dict):
        try:
            numbered(path, names, read_class_index(dataset.class_index, dataset.classes))
        except InputError as error:
            faults.add(f"{origins.at(f'{key}.class_index')}: {error}")
    if dataset.classes and not dataset.class_index and len(names) != dataset.classes:
        faults.add(
            f"{origins.at(f'{key}.classes')} is {dataset.classes}, but {path} has {len(names)} class folders "
            f"({', '.join(names[:10]) or 'none'}); correct it, or give class_index, which numbers them among "
            "the classes of your network."
        )
    if test and "test_fraction" in dataset.model_fields_set:
        faults.add(
            f"{origins.at(f'{key}.test_fraction')} is {dataset.test_fraction:g}, but {path} has a folder "
            f"{test.name}, whose images are those to test on: leave test_fraction out, or take the folder away."
        )
    if len(inside) <= COUNTED:
        try:
            available = _available(inside, test, dataset)
        except InputError as error:
            raise InputError(f"{origins.at(f'{key}.path')}: {error}") from None
        last = experiment.first_image + experiment.images
        if last > available:
            what = "" if dataset.masked == "all" else "test "
            faults.add(
                f"{origins.at(experiment.images_key)}: images up to {last} are to get masks, but {path} has "
                f"{available} {what}images; give {available} or fewer."
            )
    faults.raise_all()


def _class_folders(path):
    """Return (class folders, of both parts of a split; the folder to test on, or None)."""
    inside = folders(path)
    while len(inside) == 1 and folders(inside[0]) and inside[0].name.lower() not in KNOWN:
        inside = folders(inside[0])
    train, test = (_part(inside, names) for names in (TRAIN, TESTS))
    if train or test:
        inside = [folder for part in (train, test) if part for folder in folders(part)]
    return inside, test


def folders(path):
    """Return the folders in a folder, sorted, without hidden ones; links are followed."""
    try:
        with os.scandir(path) as entries:
            shown = [entry for entry in entries if not is_hidden(entry.name)]
            return sorted(Path(entry.path) for entry in shown if entry.is_dir())
    except OSError as error:  # a link to itself, or a folder of someone else's
        raise InputError(
            f"{error.filename or path} cannot be read ({error.strerror}); fix it or take it away."
        ) from None


def changed_after(path, time):
    """Return a folder of pictures below `path` to which something was added, or taken away, after `time`, or None.

    Looks at the first COUNTED folders: more take long on a cluster's file system.
    """
    inside = folders(path)
    for folder in inside:
        if folder.name.lower() in KNOWN or len(inside) == 1:
            inside = inside + folders(folder)
    return next((str(f) for f in inside[:COUNTED] if f.stat().st_mtime > time), None)


def _part(inside, names):
    known = {folder.name.lower(): folder for folder in reversed(inside)}
    return next((known[name] for name in names if name in known), None)


def _available(inside, test, dataset):
    """Return how many images can get masks, as idbias.datasets.image_archives will find them."""
    counts = {folder: sum(is_image(file.name) for file in below(folder)) for folder in inside}
    if dataset.masked == "all":
        return sum(counts.values())
    if test:
        return sum(number for folder, number in counts.items() if folder.parent == test)
    return sum(round(dataset.test_fraction * number) for number in counts.values())
