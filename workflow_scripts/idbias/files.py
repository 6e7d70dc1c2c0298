"""Reading and writing the HDF5 files that the stages hand to each other."""

import json
import subprocess
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from idbias import hdf5, hdf5_writing, shards
from idbias.errors import InputError
from idbias.whole_files import replacing

SCHEMA_VERSION = 1
# Attributes that say which file of the results one is, and what they are called; each stands in its path.
BELONGS_TO = {
    **{name: name for name in ("experiment", "classifier", "attack", "control", "comparison")},
    "first_or_second": "set",
    "stage": "stage",
}
PACKAGES = ("torch", "foolbox", "dadapy", "numpy", "h5py", "scikit-learn", "snakemake")


@contextmanager
def creating(path):
    """Yield a hdf5_writing.Created to fill, which gets the name `path` as `replacing` says."""
    with replacing(path) as temporary, hdf5_writing.Created(temporary) as file:
        yield file


def write(path, datasets, attributes=None):
    """Write an HDF5 file that appears under its name only when it is complete.

    `datasets`: name -> array; names may contain "/" for groups. Arrays of three or more dimensions
    are compressed and chunked by their first axis (an image), so that one image is one read. Each chunk of an
    array has a checksum: a damaged one raises when it is read. What has shape, dtype and slices but
    is no array (CompressedMasks, a dataset of another file) is read and written some rows at a time.
    `attributes`: what made the file (JSON-able values). Schema version, package versions and the
    git commit are added.
    """
    with creating(path) as file:
        for name, array in datasets.items():
            array = shards.sliceable(array)
            dataset = file.create_dataset(name, array.shape, array.dtype)
            for rows, values in shards.blocks(array):
                dataset[rows] = values
                file.check()
        stamp(file, {**(attributes or {}), shards.CONTENT: shards.content(datasets)})


def stamp(file, attributes):
    """Write schema version, versions of packages, git commit and `attributes` into an open file."""
    everything = {"schema_version": SCHEMA_VERSION, "git_commit": git_commit(), **attributes}
    everything["packages"] = package_versions()
    for name, value in everything.items():
        file.attrs[name] = attribute(value)


def attribute(value):
    """Return a value as files keep it among their attributes: numbers and text, of other things their JSON."""
    plain = isinstance(value, str | int | float | np.generic)
    return value if plain else json.dumps(value, sort_keys=True, default=str)


def read(path, names=None, nan=()):
    """Read datasets of an HDF5 file, all of them or those in `names`.

    Returns (name -> array, name -> attribute). nan: names of datasets in which NaN is a value, that of
    what there is none of. Raises InputError naming the file if it is missing, not HDF5, of another schema
    version or another place, lacks a dataset, or holds another number that is not finite. What is then
    asked of either dict and not in it raises InputError as well.
    """
    with opened(path) as file:
        if names is None:
            names = []
            file.visititems(
                lambda name, item: names.append(name) if hasattr(item, "shape") else None
            )
        missing = [name for name in names if name not in file]
        if missing:
            raise hdf5.lacking(path, missing, file)
        datasets = hdf5.Expected(path, {name: file[name][()] for name in names})
        attributes = hdf5.Expected(path, file.attrs)
    for name, array in datasets.items():
        finite = name in nan or np.asarray(array).dtype.kind not in "fc" or np.isfinite(array).all()
        if not finite:
            raise InputError(
                f"{path}: {name} holds numbers that are not finite; "
                "delete the file, find in its stage's log what diverged, and run again."
            )
    return datasets, attributes


@contextmanager
def opened(path):
    """Open an HDF5 file of ours to read, checking that it is one.

    Yields an hdf5.Opened or, of a file that joins shards, a shards.Joined, which is read alike.
    Raises InputError naming the file if it is missing, cannot be read, is damaged where it is read, is of
    another schema version, was made for another place in the results, joins shards of which one is
    missing or is not the one it joined, or is asked for a dataset or attribute that it lacks.
    """
    with hdf5.open_to_read(path) as file:
        version = file.attrs.get("schema_version")
        if version != SCHEMA_VERSION:
            raise InputError(
                f"{path} has schema version {version}, this idbias reads {SCHEMA_VERSION}; "
                "delete the file and run again."
            )
        _check_place(file, path)
        yield shards.whole(file, path)


def _check_place(file, path):
    """Raise InputError if a file below results/ was made for another experiment, attack or the like."""
    parts = Path(path).with_suffix("").parts
    if "results" not in parts:
        return
    for name in BELONGS_TO:
        value = file.attrs.get(name)
        if isinstance(value, str) and f"/{value}/" not in f"/{'/'.join(parts)}/":
            raise InputError(
                f"{path} was made for the {BELONGS_TO[name]} {value}: it is of another run or was "
                "moved here; delete it and run again."
            )


@cache
def git_commit():
    """Return the commit the workflow was run from, with "+" if the tree differed, or "unknown"."""
    here = Path(__file__).parent
    try:
        return subprocess.run(
            # The tree may be an administrator's: git asks for consent. What it runs by itself stays off.
            ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "describe", "--always",
             "--abbrev=40", "--dirty=+"],
            cwd=here, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@cache
def package_versions():
    """Return the installed versions of the packages that decide numbers."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def join_shards(path, paths, attributes=None):
    """Write the file that names the shards `paths` as one whole (idbias.shards).

    Nothing is copied: the shards must stay where they are relative to `path`. Raises InputError if a shard
    is bad, or was made with other settings than the first.
    """
    joined = shards.described(path, paths, opened)
    with creating(path) as file:
        stamp(file, {**(attributes or {}), **joined})
