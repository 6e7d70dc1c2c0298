"""Datasets: where images come from, and the HDF5 file all later stages read them from."""

import sys
from pathlib import Path

import numpy as np

from idbias import files
from idbias.datasets import binary, digits, image_archives
from idbias.datasets.class_numbers import read_class_index
from idbias.provenance import GIVEN, described

MODULES = {"binary": binary, "digits": digits, "image_archives": image_archives}


def write(path, settings, seed, sources=(), published=None):
    """Write the dataset file that `settings` (a checked section of the configuration) describe.

    `sources`: paths of the files it is read from, none for those that come with a package.
    `published`: how to read them, as `Dataset.published` of the configuration says; None: the user's own.
    Raises InputError if these are not what they should be; then no file is left.
    """
    if settings["source"] == "spiral":
        write_spiral(path, settings, seed)
    else:
        write_images(path, settings, seed, list(sources), published)


def write_spiral(path, settings, seed):
    """Write the spiral of Table 1 as a dataset file: x and y, float64 (N, 1)."""
    from idbias.correlation.spiral import spiral

    x, y = np.asarray(spiral(settings["points"], seed)).reshape(settings["points"], 2).T
    datasets = {"first": x[:, None], "second": y[:, None]}
    files.write(path, datasets, {"settings": settings, "seed": seed})


def write_images(path, settings, seed, sources, published):
    """Write a dataset file from published archives, or the user's own, in `sources` (paths).

    Large sets go straight from the archive into the file, so that memory stays bounded. What was passed
    over or done to pictures is printed, and kept as the attribute `notes`.
    """
    given = {} if published else described(sources)
    with files.creating(path) as file:
        names = iter(("train/images", "test/images"))

        def allocate(shape, dtype):
            return file.create_dataset(next(names), shape, dtype)

        dataset = read(settings, seed, sources, published, allocate)
        for part in ("train", "test"):
            images, labels = getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")
            if isinstance(images, np.ndarray):
                file.create_dataset(f"{part}/images", data=images)
            file.create_dataset(f"{part}/labels", data=labels)
        about = {"settings": settings, "seed": seed, "classes": list(dataset.classes)}
        about[GIVEN] = given
        if notes := dataset.about_notes():
            about["notes"] = notes
            for stream in (sys.stderr, sys.stdout):
                print(*(f"{path}: {line}." for line in notes), sep="\n", file=stream)
        files.stamp(file, {**about, "scale": dataset.scale, "masked": settings["masked"]})


def read(settings, seed, sources, published, allocate):
    """Return the `Dataset` that `settings` describe, read from the paths `sources`."""
    given = settings.get("class_index")
    if isinstance(given, str):
        given = sources.pop()
    index = None if given is None else read_class_index(given, settings.get("classes"))
    options = {
        **settings,
        "seed": seed,
        "index": index,
        "labels": sources[1] if len(sources) > 1 else None,
        "allocate": allocate,
    }
    if published:
        module, function = published["reader"].split(".")
        options["size"] = settings["size"] or published["size"]
        chosen = {name: options[name] for name in published["options"]}
        return getattr(MODULES[module], function)(*sources[:1], **chosen)
    names = ("size", "fit", "channels", "test_fraction", "seed", "index", "allocate")
    return image_archives.image_folder(Path(sources[0]), **{name: options[name] for name in names})
